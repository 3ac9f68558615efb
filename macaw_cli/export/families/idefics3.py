"""Idefics 3: a SigLIP tower, a pixel shuffle with one linear layer, Llama 3 (arXiv 2408.12637)."""

from typing import Any

from macaw_cli.config.bridges.pixel_shuffle import PixelShuffleBridgeSettings
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.export.families.family import Description, Family, token_id

BEGIN, END = "<fake_token_around_image><global-img>", "<fake_token_around_image>"


class Idefics3(Family):
    """Checkpoints of `Idefics3ForConditionalGeneration`."""

    name = "idefics3"
    model_types = ("idefics3",)
    modality = "image"
    class_name = "Idefics3ForConditionalGeneration"
    names = (
        ("model.vision_model.", "image_encoder."),
        ("model.connector.modality_projection.proj.", "fusion.bridges.image.projection."),
        ("model.text_model.", "language_model.{llm}."),
        ("lm_head.", "language_model.lm_head."),
    )
    note = "Images are not split into tiles: each is one square, as in the original with do_image_splitting=False."

    @classmethod
    def describe(cls, config: Any, tokenizer: Any) -> Description:
        """The last layer behind its norm; around an image what the original's processor puts around a whole one."""
        settings = EncoderSettings(post_layernorm=True, projection=False)
        bridge = PixelShuffleBridgeSettings(variant="linear", scale=config.scale_factor, norm=False)
        before = tokenizer(BEGIN, add_special_tokens=False).input_ids
        after = [token_id(tokenizer, END)]
        return Description(config.text_config, config.vision_config, settings, bridge, before, after)
