"""`internvl`: InternVL's class, for image models with a pixel shuffle and two linear layers on its tower."""

from math import isqrt
from typing import Any

from macaw_cli.config.exports.internvl import InternVLExportSettings
from macaw_cli.export.families.internvl import BEGIN, END, InternVL, fits
from macaw_cli.export.formats.stock.media_tokens import MediaTokens, TokenNames
from macaw_cli.export.formats.stock.stock_format import StockExport, copied, unequal
from macaw_cli.export.formats.stock.whole_images import whole_images
from macaw_cli.model.configuration import MacawConfig

PLACEHOLDER = "<IMG_CONTEXT>"


class InternVLExport(StockExport[InternVLExportSettings]):
    """InternVL's own processor splits every image into tiles, and needs torchvision for videos.

    So the folder has LLaVA's, which counts patches: here windows of the shuffle.
    """

    loader = "InternVLForConditionalGeneration of transformers"
    stock_class = InternVL.class_name
    family = InternVL
    tokens = TokenNames(PLACEHOLDER, BEGIN, END)
    takes = "image models with the bridge `pixel-shuffle` (`variant: mlp`, `norm: false`) on InternVL's tower"

    def obstacles(self, config: MacawConfig) -> list[str]:
        """The class takes powers of two as scales, and cannot fill up a grid that the windows do not divide."""
        told = super().obstacles(config)
        if "image" not in config.modalities or self._loader(config, "image") is None:
            return told
        scale = _scale(config)
        if not fits(1 / scale):
            told.append("bridge.scale must be a power of two")
        elif isqrt(config.feature_shapes["image"][0]) % scale:
            told.append("bridge.scale must divide the rows and columns of the tower's patches")
        return told

    def config(self, model: Any, tokens: MediaTokens, tokenizer: Any) -> Any:
        """The shuffle's scale, and the layer as the model reads it."""
        from transformers import InternVLConfig

        config, settings = model.config, model.config.encoder_settings("image")
        tower = copied(config.image_encoder_config)
        if not tower.use_mean_pooling and settings.post_layernorm != (settings.layer == -1):
            raise unequal(
                f"{self.stock_class} reads the tower's last layer behind its norm, and earlier ones without it."
            )
        return InternVLConfig(
            vision_config=tower, text_config=copied(config.text_config), downsample_ratio=1 / _scale(config),
            image_token_id=tokenizer.convert_tokens_to_ids(tokens.placeholder), image_seq_length=_soft_tokens(config),
            vision_feature_layer=settings.layer, tie_word_embeddings=config.tie_word_embeddings,
        )  # fmt: skip

    def processor(self, prepares: Any, tokenizer: Any, config: MacawConfig) -> Any:
        """It writes one placeholder for each window."""
        from transformers import LlavaProcessor

        tower: Any = config.image_encoder_config
        return LlavaProcessor(
            whole_images(prepares.image_processor), tokenizer, patch_size=tower.patch_size[0] * _scale(config),
            vision_feature_select_strategy="full", image_token=PLACEHOLDER,
        )  # fmt: skip

    def notes(self, source: Any) -> list[str]:
        """Who prepares images."""
        return [
            *super().notes(source),
            "InternVL's own processor splits images into tiles: AutoProcessor loads LLaVA's from the folder.",
        ]


def _scale(config: MacawConfig) -> int:
    settings: Any = config.bridge_settings("image")
    return int(settings.scale)


def _soft_tokens(config: MacawConfig) -> int:
    return config.feature_shapes["image"][0] // _scale(config) ** 2
