"""`query-decoder`: learned queries through a transformer decoder that reads the features.

Source: MedVInT (PMC-VQA, arXiv 2305.10415, section 4.1, "visual encoder": 12 layers, 32 queries) and its code, whose
decoder is `torch.nn.TransformerDecoder` with norms first. Its own layers, because those of torch read parameters of a
submodule without calling it, which ZeRO-3 cannot see. This is the module in front of an LLM that reads prefixes
(MedVInT-TD); MedVInT-TE's LLM that encodes the question is left out. Its other form, a two-layer MLP on one global
token, is `mlp` on features of one token. The paper has images only; a video's frames are read one by one.

Letters: B sequences, N feature tokens, C channels, Q queries, W their width, D the LLM's embedding size.
"""

from typing import TYPE_CHECKING, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.attention import Attention, heads_of
from macaw_cli.model.blocks.costs import QueryLayers
from macaw_cli.model.blocks.feed_forward import FeedForward
from macaw_cli.model.bridges.queried import QueriedBridge, sequence_tokens

if TYPE_CHECKING:
    from macaw_cli.config.bridges.query_decoder import QueryDecoderBridgeSettings
    from macaw_cli.model.configuration import MacawConfig

WIDTH = 768
"""The published W."""


class QueryDecoderBridge(QueriedBridge):
    """(N, C) -> Linear -> (N, W), read by the queries (Q, W) in every layer -> LayerNorm -> Linear -> (Q, D).

    Args:
        channels: C.
        hidden_size: D.
        settings: of this design, with `hidden` and `inner`.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    def __init__(
        self, channels: int, hidden_size: int, settings: "QueryDecoderBridgeSettings", *, unit: float = 0.02
    ) -> None:
        super().__init__(channels, hidden_size, per_frame=settings.per_frame, norm=settings.norm, unit=unit)
        width = settings.hidden or min(WIDTH, hidden_size)
        inner = settings.inner or width
        heads = heads_of("the queries", width, settings.heads)
        self.projection = nn.Linear(channels, width)
        self.queries = nn.Parameter(torch.randn(settings.tokens, width))
        self.layers = nn.ModuleList(
            DecoderLayer(width, inner, heads, settings.dropout) for _ in range(settings.layers)
        )
        self.last_norm = nn.LayerNorm(width)
        self.last_projection = nn.Linear(width, hidden_size)

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`.

        Raises:
            UsageError: the heads do not divide W.
        """
        settings = cast("QueryDecoderBridgeSettings", config.bridge_settings(modality))
        channels, unit = config.feature_shapes[modality][-1], config.initial_embedding_std
        return cls(channels, config.embedding_size, settings, unit=unit)

    def initialise(self) -> None:
        """Queries start as N(0, 1)."""
        init.normal_(self.queries)

    @staticmethod
    def extra_memory(config: "MacawConfig", modality: Modality, soft_tokens: int, value_bytes: int) -> float:
        """Memory of the projected features and the layers."""
        cost = _cost(config, modality)
        return soft_tokens / cost.queries * (cost.values() + cost.tokens * cost.width) * value_bytes

    @staticmethod
    def extra_operations(config: "MacawConfig", modality: Modality, soft_tokens: int) -> float:
        """Operations of the projection and the layers."""
        cost = _cost(config, modality)
        projection = 2.0 * cost.tokens * config.feature_shapes[modality][-1] * cost.width
        return soft_tokens / cost.queries * (cost.operations() + projection)

    def answers(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """What the queries have read in each sequence: (B, Q, D)."""
        projected = self.projection(tokens)
        queries = self.queries.to(projected.dtype).expand(len(tokens), -1, -1)
        for layer in self.layers:
            queries = layer(queries, projected, mask)
        soft: Tensor = self.last_projection(self.last_norm(queries))
        return soft


class DecoderLayer(nn.Module):
    """Self-attention, attention to the features, feed-forward part; each behind a LayerNorm, each added.

    Args:
        width: W.
        inner: size inside the feed-forward part.
        heads: of both attentions.
        dropout: of attention weights, of the values inside the feed-forward part, and of what is added.
    """

    def __init__(self, width: int, inner: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.self_norm, self.read_norm, self.last_norm = (nn.LayerNorm(width) for _ in range(3))
        self.self_attention = Attention(width, width, heads, dropout=dropout)
        self.read_attention = Attention(width, width, heads, dropout=dropout)
        self.feed_forward = FeedForward(width, inner, "relu", dropout=dropout)

    def forward(self, queries: Tensor, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Queries (B, Q, W), changed.

        Args:
            queries: (B, Q, W).
            tokens: (B, N, W).
            mask: (B, N), true where there is a token; None where there is everywhere.
        """
        normed = self.self_norm(queries)
        queries = queries + self._dropped(self.self_attention(normed, normed))
        queries = queries + self._dropped(self.read_attention(self.read_norm(queries), tokens, mask))
        return queries + self._dropped(self.feed_forward(self.last_norm(queries)))

    def _dropped(self, values: Tensor) -> Tensor:
        return F.dropout(values, self.dropout, self.training)


def _cost(config: "MacawConfig", modality: Modality) -> QueryLayers:
    settings = cast("QueryDecoderBridgeSettings", config.bridge_settings(modality))
    width = settings.hidden or min(WIDTH, config.embedding_size)
    return QueryLayers(
        layers=settings.layers, reading=settings.layers, queries=settings.tokens, width=width, channels=width,
        tokens=sequence_tokens(config, modality), inner=width, feed_forward=settings.inner or width,
        among_queries=True,
    )  # fmt: skip
