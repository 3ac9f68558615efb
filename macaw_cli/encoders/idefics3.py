"""The vision tower of Idefics 3: SigLIP with positions that follow the shape of an image."""

from typing import Any

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.image_encoder import ImageEncoder
from macaw_cli.encoders.part_of_model import PartOfModel
from macaw_cli.encoders.selection import Features, Prepared, Seen, image_features, refuse, tower_states


class Idefics3Encoder(PartOfModel, ImageEncoder):
    """Images to (tokens, hidden size) by `Idefics3VisionTransformer`: no class token and no projection.

    An image is one square. The tiles into which the image processor of Idefics 3 splits a large image are not made.
    """

    part, beginning = "vision_config", r"(?:model\.)?vision_model\."
    has_class_token = False

    @classmethod
    def module(cls, config: Any) -> Any:
        """`Idefics3VisionTransformer`."""
        from transformers import Idefics3VisionTransformer

        return Idefics3VisionTransformer

    @classmethod
    def load_processor(cls, config: Any, source: str, settings: EncoderSettings) -> Any:
        """The folder's image processor, which is told to split no image."""
        processor = super().load_processor(config, source, settings)
        processor.do_image_splitting = False
        return processor

    @classmethod
    def usual_processor(cls, config: Any) -> Any:
        """That of the published checkpoints, at the tower's size."""
        from transformers import Idefics3ImageProcessorPil

        side = config.image_size
        return Idefics3ImageProcessorPil(size={"longest_edge": 4 * side}, max_image_size={"longest_edge": side})

    @classmethod
    def check(cls, config: Any, settings: EncoderSettings) -> None:
        """Refuse settings that this architecture cannot fulfil.

        Raises:
            UsageError: naming the setting.
        """
        super().check(config, settings)
        if settings.image_size:
            refuse(cls.section, "image_size", "null, because its image processor makes one size", settings.image_size)

    @staticmethod
    def prepared(processor: Any, media: list[Any]) -> Prepared:
        """PIL images of any size as (n, 3, H, W)."""
        made: Prepared = processor(images=[[medium] for medium in media], return_tensors="pt")["pixel_values"][:, 0]
        return made

    @staticmethod
    def select(model: Any, prepared: Prepared, settings: EncoderSettings) -> Features:
        """See `selection.image_features`."""
        assert not isinstance(prepared, list)
        norm, side = model.post_layernorm, model.config.patch_size
        states = tower_states(model, norm, settings, prepared)
        grid = (prepared.shape[-2] // side, prepared.shape[-1] // side)
        return image_features(Seen(states, grid, 0, norm), settings)
