"""InternVL: its own tower, a pixel shuffle with two linear layers, Qwen2 or another LLM (arXiv 2404.16821)."""

from typing import Any

from macaw_cli.config.bridges.pixel_shuffle import PixelShuffleBridgeSettings
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.export.families.family import Description, Family, refused

BEGIN, END = "<img>", "</img>"


class InternVL(Family):
    """Checkpoints of `InternVLForConditionalGeneration`; those in the form of InternVL's own code are not read."""

    name = "internvl"
    model_types = ("internvl",)
    modality = "image"
    class_name = "InternVLForConditionalGeneration"
    names = (
        ("model.vision_tower.", "image_encoder."),
        ("model.multi_modal_projector.", "fusion.bridges.image.projection."),
        ("model.language_model.", "language_model.{llm}."),
        ("lm_head.", "language_model.lm_head."),
    )
    note = "Images are not split into tiles: each is one square, as in the original with max_patches=1."

    @classmethod
    def describe(cls, config: Any, tokenizer: Any) -> Description:
        """The layer and the scale as configured; around an image what the original's processor puts there."""
        layer, strategy = config.vision_feature_layer, config.vision_feature_select_strategy
        ratio = config.downsample_ratio
        if not isinstance(layer, int):
            raise refused("vision_feature_layer", layer, "features of one layer")
        if strategy != "default":
            raise refused("vision_feature_select_strategy", strategy, "`default`, without the class token")
        if not fits(ratio):
            raise refused("downsample_ratio", ratio, "0.5, 0.25 and other powers of two")
        if config.projector_hidden_act != "gelu":
            raise refused("projector_hidden_act", config.projector_hidden_act, "projectors with gelu")
        normed = layer == -1 and not config.vision_config.use_mean_pooling
        settings = EncoderSettings(layer=layer, post_layernorm=normed, projection=False)
        bridge = PixelShuffleBridgeSettings(variant="mlp", scale=round(1 / ratio), norm=False)
        known = tokenizer.get_vocab()
        before, after = ([known[name]] if name in known else [] for name in (BEGIN, END))
        return Description(config.text_config, config.vision_config, settings, bridge, before, after)


def fits(ratio: float) -> bool:
    """Whether the class, which divides by the ratio, finds whole numbers: a power of two."""
    scale = round(1 / ratio)
    return 1 / scale == ratio and scale & (scale - 1) == 0
