"""DINOv2, with and without register tokens."""

from typing import Any

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.image_encoder import ImageEncoder
from macaw_cli.encoders.selection import Features, Prepared, Seen, image_features, tower_states


class Dinov2Encoder(ImageEncoder):
    """Images to (tokens, hidden size); register tokens are always dropped, and there is no projection.

    What the DINOv2 papers call patch features has been through the final layer norm: `post_layernorm: true`.
    """

    one_size = False

    @classmethod
    def module(cls, config: Any) -> Any:
        """`Dinov2Model` or `Dinov2WithRegistersModel`."""
        from transformers import Dinov2Model, Dinov2WithRegistersModel

        return Dinov2WithRegistersModel if config.model_type == "dinov2_with_registers" else Dinov2Model

    @classmethod
    def usual_processor(cls, config: Any) -> Any:
        """That of the published checkpoints, at the tower's size."""
        from transformers import BitImageProcessorPil

        side = config.image_size
        mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
        size, crop = {"shortest_edge": side}, {"height": side, "width": side}
        return BitImageProcessorPil(size=size, crop_size=crop, image_mean=mean, image_std=std)

    @staticmethod
    def select(model: Any, prepared: Prepared, settings: EncoderSettings) -> Features:
        """See `selection.image_features`; position embeddings follow the size of the images by themselves."""
        assert not isinstance(prepared, list)
        states = tower_states(model, model.layernorm, settings, prepared)
        config = model.config
        grid = (prepared.shape[-2] // config.patch_size, prepared.shape[-1] // config.patch_size)
        prefix = 1 + getattr(config, "num_register_tokens", 0)
        return image_features(Seen(states, grid, prefix, model.layernorm), settings)
