"""The Q-Former: BERT's layers over learned queries and a text, in which the queries alone read the features.

Source: BLIP-2 (arXiv 2301.12597, section 3.1, figure 2). It computes the same as `Blip2QFormerModel` and
`InstructBlipQFormerModel` of transformers, whose weights fit under other names. Those classes are not used here for
three reasons. They keep themselves in fp32, and so would a whole model that contains them. Their text parts run only
where there is a text, so that under ZeRO-3 ranks would call different modules, and the last text part, whose result
nobody reads, would get no gradients. And a mask for features of several lengths cannot be given beside a text (BLIP-2).

Letters: B sequences, Q queries, L text tokens, N feature tokens, C channels, W width of a query.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from macaw_cli.model.blocks.attention import Attention
from macaw_cli.model.blocks.feed_forward import FeedForward

EPSILON = 1e-12
"""Of BERT's LayerNorms."""
POSITIONS = 512
"""Rows of BERT's position embeddings."""


class QFormer(nn.Module):
    """LayerNorm, then layers; all attentions and feed-forward parts are added, and a LayerNorm follows (post-norm).

    Args:
        width: W.
        channels: C.
        layers: how many.
        heads: of each attention, a divisor of W.
        inner: size inside the feed-forward parts.
        every: the first of every so many layers reads the features.
        dropout: of attention weights, of what is embedded and of what is added.
        text: whether there may be a text beside the queries, and whether something is returned of it, for which the
            last layer has a text part too.
    """

    def __init__(
        self, width: int, channels: int, *, layers: int, heads: int, inner: int, every: int, dropout: float,
        text: Literal["none", "read", "returned"],
    ) -> None:  # fmt: skip
        super().__init__()
        self.dropout = dropout
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.layers = nn.ModuleList(
            QFormerLayer(
                width, channels if number % every == 0 else None, heads=heads, inner=inner, dropout=dropout,
                text=text == "returned" or (text == "read" and number < layers - 1),
            )
            for number in range(layers)
        )  # fmt: skip

    def forward(
        self, queries: Tensor | None, features: Tensor | None, *, text: Tensor | None = None,
        mask: Tensor | None = None, feature_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """What becomes of the queries, (B, Q, W), and of the text, (B, L, W) or (B, 0, W).

        Args:
            queries: (B, Q, W); None for a text alone.
            features: (B, N, C); None for a text alone.
            text: (B, L, W), embedded; None where there is none.
            mask: true where queries and text, in this order, may attend to each other: (B, Q + L), or
                (B, Q + L, Q + L) where that depends on who does. None where all may.
            feature_mask: (B, N), true where there is a token; None where there is everywhere.
        """
        parts = [part for part in (queries, text) if part is not None]
        count = 0 if queries is None else queries.shape[1]
        hidden = F.dropout(self.norm(torch.cat(parts, dim=1)), self.dropout, self.training)
        for layer in self.layers:
            hidden = layer(hidden, count, features, mask, feature_mask)
        return hidden[:, :count], hidden[:, count:]


class QFormerLayer(nn.Module):
    """Self-attention of queries and text, attention of the queries to the features, a feed-forward part for each.

    Args:
        width: W.
        channels: C, or None where the features are not read.
        heads: of each attention.
        inner: size inside the feed-forward parts.
        dropout: of attention weights and of what is added.
        text: whether there is a feed-forward part for text; without it, text is read but not returned.
    """

    def __init__(
        self, width: int, channels: int | None, *, heads: int, inner: int, dropout: float, text: bool
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.self_attention = Attention(width, width, heads, dropout=dropout)
        self.self_norm = nn.LayerNorm(width, eps=EPSILON)
        self.cross_attention = Attention(width, channels, heads, dropout=dropout) if channels else None
        self.cross_norm = nn.LayerNorm(width, eps=EPSILON) if channels else None
        self.query_part = FeedForward(width, inner)
        self.query_norm = nn.LayerNorm(width, eps=EPSILON)
        self.text_part = FeedForward(width, inner) if text else None
        self.text_norm = nn.LayerNorm(width, eps=EPSILON) if text else None

    def forward(
        self, hidden: Tensor, count: int, features: Tensor | None, mask: Tensor | None, feature_mask: Tensor | None
    ) -> Tensor:
        """The queries and, where there is a part for it, the text, changed: (B, Q + L, W) or (B, Q, W).

        Args:
            hidden: (B, Q + L, W).
            count: Q.
            features: (B, N, C), or None where there are no queries.
            mask: see `QFormer`.
            feature_mask: (B, N), or None.
        """
        asking = hidden if self.text_part is not None else hidden[:, :count]
        if mask is not None and mask.dim() == 3:
            mask = mask[:, : asking.shape[1]]
        attended = self._added(self.self_norm, asking, self.self_attention(asking, hidden, mask))
        done = []
        if count:
            queries = attended[:, :count]
            if self.cross_attention is not None:
                read = self.cross_attention(queries, features, feature_mask)
                queries = self._added(self.cross_norm, queries, read)
            done.append(self._added(self.query_norm, queries, self.query_part(queries)))
        if attended.shape[1] > count and self.text_part is not None:
            text = attended[:, count:]
            done.append(self._added(self.text_norm, text, self.text_part(text)))
        return torch.cat(done, dim=1) if len(done) > 1 else done[0]

    def _added(self, norm: nn.Module | None, values: Tensor, change: Tensor) -> Tensor:
        assert norm is not None
        normed: Tensor = norm(values + F.dropout(change, self.dropout, self.training))
        return normed


class TextEmbeddings(nn.Module):
    """Embeddings of words and of positions, added.

    Args:
        vocabulary: rows of the words.
        width: W.
    """

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(POSITIONS, width)

    def forward(self, ids: Tensor) -> Tensor:
        """(B, L) ids, L at most `POSITIONS`, to (B, L, W)."""
        embedded: Tensor = self.words(ids) + self.positions(torch.arange(ids.shape[1], device=ids.device))
        return embedded
