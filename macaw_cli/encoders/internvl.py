"""The vision tower of InternVL (InternViT): a class token in front, and a factor on each layer's output."""

from typing import Any

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.image_encoder import ImageEncoder
from macaw_cli.encoders.part_of_model import PartOfModel
from macaw_cli.encoders.selection import Features, Prepared, Seen, image_features, tower_states


class InternVLEncoder(PartOfModel, ImageEncoder):
    """Images to (tokens, hidden size) by `InternVLVisionModel`, which has no projection.

    Published towers have no norm behind the last layer, so that `post_layernorm` does nothing. An image is one square:
    the tiles into which InternVL's processor splits a large image are not made.
    """

    part, beginning = "vision_config", r"(?:model\.)?vision_tower\."

    @classmethod
    def module(cls, config: Any) -> Any:
        """`InternVLVisionModel`."""
        from transformers import InternVLVisionModel

        return InternVLVisionModel

    @classmethod
    def load_processor(cls, config: Any, source: str, settings: EncoderSettings) -> Any:
        """The folder's image processor, which is told to split no image."""
        processor = super().load_processor(config, source, settings)
        if hasattr(processor, "crop_to_patches"):
            processor.crop_to_patches = False
        return processor

    @classmethod
    def usual_processor(cls, config: Any) -> Any:
        """That of the published checkpoints, at the tower's size."""
        from transformers import GotOcr2ImageProcessorPil
        from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

        side, usual = cls.one_side(config.image_size), {"mean": IMAGENET_DEFAULT_MEAN, "std": IMAGENET_DEFAULT_STD}
        return GotOcr2ImageProcessorPil(
            size={"height": side, "width": side}, image_mean=list(usual["mean"]), image_std=list(usual["std"])
        )

    @staticmethod
    def select(model: Any, prepared: Prepared, settings: EncoderSettings) -> Features:
        """See `selection.image_features`; positions are interpolated for images of another size."""
        assert not isinstance(prepared, list)
        norm, side = model.layernorm, ImageEncoder.one_side(model.config.patch_size)
        states = tower_states(model, norm, settings, prepared)
        grid = (prepared.shape[-2] // side, prepared.shape[-1] // side)
        return image_features(Seen(states, grid, 1, norm), settings)
