"""SigLIP's vision tower; SigLIP 2 of a fixed resolution is the same architecture."""

from typing import Any

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.image_encoder import ImageEncoder
from macaw_cli.encoders.selection import Features, Prepared, Seen, finished, image_features, tower_states


class SiglipEncoder(ImageEncoder):
    """Images to (tokens, hidden size) by `SiglipVisionModel`: no class token and no projection, but a pooling head."""

    has_class_token = False
    has_head = True

    @classmethod
    def own_config(cls, config: Any) -> Any:
        """The tower's."""
        return getattr(config, "vision_config", config)

    @classmethod
    def module(cls, config: Any) -> Any:
        """`SiglipVisionModel`."""
        from transformers import SiglipVisionModel

        return SiglipVisionModel

    @classmethod
    def usual_processor(cls, config: Any) -> Any:
        """SigLIP's own, at the tower's size."""
        from transformers import SiglipImageProcessorPil

        return SiglipImageProcessorPil(size={"height": config.image_size, "width": config.image_size})

    @staticmethod
    def select(model: Any, prepared: Prepared, settings: EncoderSettings) -> Features:
        """See `selection.image_features`; with `pool: head` the tower's own pooled output."""
        assert not isinstance(prepared, list)
        interpolated = settings.image_size is not None
        if settings.pool == "head":
            output = model(prepared, interpolate_pos_encoding=interpolated)
            return finished([output.pooler_output[:, None]], settings)
        norm = model.post_layernorm
        states = tower_states(model, norm, settings, prepared, interpolate_pos_encoding=interpolated)
        side = model.config.patch_size
        grid = (prepared.shape[-2] // side, prepared.shape[-1] // side)
        return image_features(Seen(states, grid, 0, norm), settings)
