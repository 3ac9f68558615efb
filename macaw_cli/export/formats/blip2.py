"""`blip2`: BLIP-2's class, for image models with a Q-Former on its tower."""

from typing import Any

from torch import Tensor

from macaw_cli.config.exports.blip2 import Blip2ExportSettings
from macaw_cli.export.families.blip2 import Blip2
from macaw_cli.export.formats.stock.media_tokens import MediaTokens, TokenNames
from macaw_cli.export.formats.stock.stock_format import StockExport, copied
from macaw_cli.model.configuration import MacawConfig

QUERIES = "query_tokens"


class Blip2Export(StockExport[Blip2ExportSettings]):
    """BLIP-2's own processor puts an image before everything, and the class takes it anywhere.

    So the folder has LLaVA's processor, which makes the same pixels and finds the image where the template puts it. It
    counts patches: one patch as large as the image, and the other queries as additional tokens.
    """

    loader = "Blip2ForConditionalGeneration of transformers"
    stock_class = Blip2.class_name
    family = Blip2
    tokens = TokenNames("<image>", "<|image_begin|>", "<|image_end|>")
    takes = "image models with the bridge `q-former` (`feature_norm: false`, `norm: false`) on BLIP-2's tower"
    whole_llm = True
    always_media = True

    def config(self, model: Any, tokens: MediaTokens, tokenizer: Any) -> Any:
        """The Q-Former's sizes, as they came out."""
        from transformers import Blip2Config, Blip2QFormerConfig

        config, bridge = model.config, model.fusion.bridges["image"]
        settings, tower = config.bridge_settings("image"), copied(config.image_encoder_config)
        former = Blip2QFormerConfig(
            hidden_size=bridge.width, num_hidden_layers=settings.layers, encoder_hidden_size=tower.hidden_size,
            num_attention_heads=settings.heads or max(1, bridge.width // 64),
            intermediate_size=settings.inner or 4 * bridge.width,
            cross_attention_frequency=settings.cross_attention_every,
        )  # fmt: skip
        return Blip2Config(
            vision_config=tower, qformer_config=former, text_config=copied(config.text_config),
            num_query_tokens=settings.tokens, image_token_index=tokenizer.convert_tokens_to_ids(tokens.placeholder),
        )  # fmt: skip

    def processor(self, prepares: Any, tokenizer: Any, config: MacawConfig) -> Any:
        """One patch, and the other queries."""
        from transformers import LlavaProcessor

        tower, settings = config.image_encoder_config, config.bridge_settings("image")
        queries: Any = settings
        size: Any = tower
        return LlavaProcessor(
            prepares.image_processor, tokenizer, patch_size=size.image_size, vision_feature_select_strategy="full",
            num_additional_image_tokens=queries.tokens - 1,
        )  # fmt: skip

    def bridge_weights(self, model: Any, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The queries with a leading dimension."""
        del model
        return weights | {QUERIES: weights[QUERIES][None]}
