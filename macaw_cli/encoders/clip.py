"""CLIP's vision tower."""

from typing import Any

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.image_encoder import ImageEncoder
from macaw_cli.encoders.selection import Features, Prepared, Seen, image_features, refuse


class ClipEncoder(ImageEncoder):
    """Images to (tokens, channels) by `CLIPVisionModelWithProjection`, or a tower alone.

    The published model's choice is the default: the last hidden state without post-layernorm, class token dropped,
    `visual_projection` applied to every token.
    """

    @classmethod
    def own_config(cls, config: Any) -> Any:
        """The tower's; only the whole model's configuration knows the projection's width."""
        if config.model_type == "clip":
            config.vision_config.projection_dim = config.projection_dim
            return config.vision_config
        return config

    @classmethod
    def module(cls, config: Any) -> Any:
        """`CLIPVisionModelWithProjection`, or `CLIPVisionModel` where the configuration says so."""
        from transformers import CLIPVisionModel, CLIPVisionModelWithProjection

        return CLIPVisionModel if _lacks_projection(config) else CLIPVisionModelWithProjection

    @classmethod
    def check(cls, config: Any, settings: EncoderSettings) -> None:
        """Refuse settings that this architecture cannot fulfil.

        Raises:
            UsageError: naming the setting.
        """
        super().check(config, settings)
        if settings.projection and _lacks_projection(config):
            refuse(cls.section, "projection", "false, because this tower was saved without its projection", "true")

    @classmethod
    def usual_processor(cls, config: Any) -> Any:
        """CLIP's own, at the tower's size."""
        from transformers import CLIPImageProcessorPil

        side = config.image_size
        return CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})

    @staticmethod
    def select(model: Any, prepared: Prepared, settings: EncoderSettings) -> Features:
        """See `selection.image_features`; `model` may lack the projection."""
        assert not isinstance(prepared, list)
        tower = getattr(model, "vision_model", model)
        wanted = {"output_hidden_states": True} if settings.layer != -1 else {}
        output = tower(prepared, interpolate_pos_encoding=settings.image_size is not None, **wanted)
        states = output.hidden_states if wanted else (output.last_hidden_state,)
        side = model.config.patch_size
        grid = (prepared.shape[-2] // side, prepared.shape[-1] // side)
        projection = getattr(model, "visual_projection", None)
        return image_features(Seen(states, grid, 1, tower.post_layernorm, projection), settings)


def _lacks_projection(config: Any) -> bool:
    return "CLIPVisionModel" in (config.architectures or ())
