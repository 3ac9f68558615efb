"""`llava`: LLaVA 1.5's class, for image models with one or two linear layers on CLIP or SigLIP."""

from typing import Any

import torch
from torch import Tensor

from macaw_cli.config.exports.llava import LlavaExportSettings
from macaw_cli.export.families.llava import Llava
from macaw_cli.export.formats.stock.media_tokens import MediaTokens, TokenNames
from macaw_cli.export.formats.stock.stock_format import StockExport, copied
from macaw_cli.model.configuration import MacawConfig

SECOND = "model.multi_modal_projector.linear_2."


class LlavaExport(StockExport[LlavaExportSettings]):
    """A single linear layer is the class's first one; its second is the identity, with nothing between them."""

    loader = "LlavaForConditionalGeneration of transformers"
    stock_class = Llava.class_name
    family = Llava
    tokens = TokenNames("<image>", "<|image_begin|>", "<|image_end|>")
    takes = "image models with the bridge `linear`, or `mlp` of one or two layers, on CLIP or SigLIP"

    def config(self, model: Any, tokens: MediaTokens, tokenizer: Any) -> Any:
        """Layer and class token as the model reads them."""
        from transformers import LlavaConfig

        config = model.config
        encoder, settings = copied(config.image_encoder_config), config.encoder_settings("image")
        encoder.architectures = ["SiglipVisionModel"] if not _has_class_token(config) else ["CLIPVisionModel"]
        return LlavaConfig(
            vision_config=encoder, text_config=copied(config.text_config),
            image_token_index=tokenizer.convert_tokens_to_ids(tokens.placeholder),
            image_seq_length=config.feature_shapes["image"][0], vision_feature_layer=settings.layer,
            vision_feature_select_strategy="default" if _drops(config) else "full",
            projector_hidden_act="gelu" if _layers(config) == 2 else "linear",
            tie_word_embeddings=config.tie_word_embeddings,
        )  # fmt: skip

    def processor(self, prepares: Any, tokenizer: Any, config: MacawConfig) -> Any:
        """It counts patches, and the class token where there is one."""
        from transformers import LlavaProcessor

        tower: Any = config.image_encoder_config
        return LlavaProcessor(
            prepares.image_processor, tokenizer, patch_size=tower.patch_size,
            vision_feature_select_strategy="default" if _drops(config) else "full",
            num_additional_image_tokens=int(_has_class_token(config)),
        )  # fmt: skip

    def bridge_weights(self, model: Any, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The class's second layer, where the model has a single one."""
        if _layers(model.config) == 2:
            return weights
        same = torch.eye(model.config.embedding_size, dtype=model.dtype)
        return weights | {f"{SECOND}weight": same, f"{SECOND}bias": torch.zeros_like(same[0])}


def _layers(config: MacawConfig) -> int:
    return int(getattr(config.bridge_settings("image"), "layers", 1))


def _has_class_token(config: MacawConfig) -> bool:
    return str(config.image_encoder_config.model_type).startswith("clip")  # type: ignore[union-attr]


def _drops(config: MacawConfig) -> bool:
    return _has_class_token(config) and config.encoder_settings("image").cls == "drop"
