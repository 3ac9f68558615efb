"""What the formats of BLIP-2 and InstructBLIP have in common: queries and a Q-Former between the tower and the LLM."""

from typing import Any, ClassVar, TypeVar

import transformers
from torch import Tensor

from macaw_cli.config.exports.base import ExportSettings
from macaw_cli.export.formats.stock.media_tokens import MediaTokens
from macaw_cli.export.formats.stock.stock_format import StockExport, copied
from macaw_cli.export.proving.answers import ends_of

Options = TypeVar("Options", bound=ExportSettings)
QUERIES = "query_tokens"


class QFormerExport(StockExport[Options]):
    """A class of transformers that holds a tower, a Q-Former and the class of the LLM."""

    configs: ClassVar[str]
    """What the names of its configurations begin with."""
    whole_llm = True
    always_media = True

    def config(self, model: Any, tokens: MediaTokens, tokenizer: Any) -> Any:
        """The Q-Former's sizes, as they came out.

        The class lets its LLM generate, which knows no `generation_config.json`. So the LLM's part has what ends an
        answer.
        """
        config, bridge = model.config, model.fusion.bridges["image"]
        settings, tower = config.bridge_settings("image"), copied(config.image_encoder_config)
        text, ends = copied(config.text_config), ends_of(model)
        text.eos_token_id = ends[0] if len(ends) == 1 else ends or None
        former = getattr(transformers, f"{self.configs}QFormerConfig")(
            hidden_size=bridge.width, num_hidden_layers=settings.layers, encoder_hidden_size=tower.hidden_size,
            num_attention_heads=settings.heads or max(1, bridge.width // 64),
            intermediate_size=settings.inner or 4 * bridge.width,
            cross_attention_frequency=settings.cross_attention_every, **self.text_sizes(bridge),
        )  # fmt: skip
        return getattr(transformers, f"{self.configs}Config")(
            vision_config=tower, qformer_config=former, text_config=text,
            num_query_tokens=settings.tokens, image_token_index=tokenizer.convert_tokens_to_ids(tokens.placeholder),
        )  # fmt: skip

    def text_sizes(self, bridge: Any) -> dict[str, int]:
        """Sizes of the part of the Q-Former that reads text; none where it reads none.

        Args:
            bridge: of the model.
        """
        del bridge
        return {}

    def bridge_weights(self, model: Any, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The queries with a leading dimension."""
        del model
        return weights | {QUERIES: weights[QUERIES][None]}
