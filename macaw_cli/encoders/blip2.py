"""The vision tower of BLIP-2 and InstructBLIP: the Vision Transformer of EVA-CLIP, a class token in front."""

from typing import Any

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.image_encoder import ImageEncoder
from macaw_cli.encoders.part_of_model import PartOfModel
from macaw_cli.encoders.selection import Features, Prepared, Seen, image_features, tower_states


class Blip2Encoder(PartOfModel, ImageEncoder):
    """Images to (tokens, hidden size) by `Blip2VisionModel` or `InstructBlipVisionModel`; they have no projection.

    Both checkpoints read all tokens of the last layer behind the final layer norm: `cls: keep, post_layernorm: true`.
    """

    part, beginning = "vision_config", r"vision_model\."

    @classmethod
    def module(cls, config: Any) -> Any:
        """`Blip2VisionModel` or `InstructBlipVisionModel`."""
        from transformers import Blip2VisionModel, InstructBlipVisionModel

        return InstructBlipVisionModel if config.model_type.startswith("instructblip") else Blip2VisionModel

    @classmethod
    def usual_processor(cls, config: Any) -> Any:
        """That of the published checkpoints, at the tower's size."""
        from transformers import BlipImageProcessorPil

        return BlipImageProcessorPil(size={"height": config.image_size, "width": config.image_size})

    @staticmethod
    def select(model: Any, prepared: Prepared, settings: EncoderSettings) -> Features:
        """See `selection.image_features`."""
        assert not isinstance(prepared, list)
        norm, side = model.post_layernorm, model.config.patch_size
        interpolated = settings.image_size is not None
        states = tower_states(model, norm, settings, prepared, interpolate_pos_encoding=interpolated)
        grid = (prepared.shape[-2] // side, prepared.shape[-1] // side)
        return image_features(Seen(states, grid, 1, norm), settings)
