"""BLIP-2's first stage: a Q-Former learns from pairs of media and texts what of the media is said in words.

Source: BLIP-2 (arXiv 2301.12597, section 3.2) and its code in LAVIS. `queries`, `feature_norm`, `text` and `q_former`
have the names that they have in the `q-former` bridge, which takes them over; the heads and, without `instruction`, the
text half are left behind.

Letters: B pairs, A pairs of all processes, N feature tokens, C channels, Q queries, L text tokens, W width of a query,
E size of the compared vectors, V words.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.model.blocks.q_former import EPSILON, QFormer, TextEmbeddings
from macaw_cli.model.pretraining.image_text import (
    contrastive_loss,
    generation_loss,
    generation_mask,
    hard_negatives,
    matching_loss,
    similarity,
)

TEMPERATURE = 0.07
"""Of the contrastive loss at the start."""


class Pairs(NamedTuple):
    """Media and their texts, one each."""

    features: Tensor
    """(B, N, C)."""
    feature_mask: Tensor | None
    """(B, N), true where there is a token; None where there is everywhere."""
    ids: Tensor
    """(B, L) ids of the texts, each behind a token that begins it ([CLS])."""
    text_mask: Tensor
    """(B, L), true for text and false for padding behind it."""


class Losses(NamedTuple):
    """The three losses, scalars; the paper adds them."""

    contrastive: Tensor
    matching: Tensor
    generation: Tensor


class Blip2Pretraining(nn.Module):
    """A Q-Former with its text half, and a head for each loss.

    Args:
        q_former: made with `text="returned"`.
        width: W.
        channels: C.
        tokens: Q.
        vocabulary: V.
        compared: E.
        feature_norm: whether the features pass a LayerNorm first.
    """

    def __init__(
        self, q_former: QFormer, width: int, channels: int, *, tokens: int, vocabulary: int, compared: int = 256,
        feature_norm: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.q_former = q_former
        self.feature_norm = nn.LayerNorm(channels) if feature_norm else None
        self.queries = nn.Parameter(0.02 * torch.randn(tokens, width))
        self.text = TextEmbeddings(vocabulary, width)
        self.media_projection, self.text_projection = nn.Linear(width, compared), nn.Linear(width, compared)
        self.matching_head = nn.Linear(width, 2)
        self.word_layer, self.word_norm = nn.Linear(width, width), nn.LayerNorm(width, eps=EPSILON)
        self.word_bias = nn.Parameter(torch.zeros(vocabulary))
        self.temperature = nn.Parameter(torch.tensor([TEMPERATURE]))  # DeepSpeed has no parameters without axes

    def initialise(self) -> None:
        """Queries start as N(0, 0.02), the bias of words at 0, the temperature at 0.07."""
        init.normal_(self.queries, std=0.02)
        init.zeros_(self.word_bias)
        init.constant_(self.temperature, TEMPERATURE)

    def compared(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """What is compared, of length 1: (B, Q, E) of the media, seen alone, and (B, E) of the texts, read alone."""
        features = self._normed(pairs.features)
        found, _ = self.q_former(self._queries(features), features, feature_mask=pairs.feature_mask)
        _, read = self.q_former(None, None, text=self.text(pairs.ids), mask=pairs.text_mask)
        media, texts = self.media_projection(found), self.text_projection(read[:, 0])
        return F.normalize(media, dim=-1), F.normalize(texts, dim=-1)

    def matching_logits(self, pairs: Pairs) -> Tensor:
        """(B, 2), the second for a medium and a text that belong together; queries and text see each other."""
        features = self._normed(pairs.features)
        mask = F.pad(pairs.text_mask, (len(self.queries), 0), value=True)
        found, _ = self.q_former(
            self._queries(features), features, text=self.text(pairs.ids), mask=mask, feature_mask=pairs.feature_mask
        )
        logits: Tensor = self.matching_head(found).mean(dim=1)
        return logits

    def word_logits(self, pairs: Pairs) -> Tensor:
        """(B, L, V): what follows each token of the text. The words' embeddings are the last matrix, as in BERT."""
        features = self._normed(pairs.features)
        mask = generation_mask(len(self.queries), pairs.text_mask)
        _, read = self.q_former(
            self._queries(features), features, text=self.text(pairs.ids), mask=mask, feature_mask=pairs.feature_mask
        )
        return F.linear(self.word_norm(F.gelu(self.word_layer(read))), self.text.words.weight, self.word_bias)

    def forward(
        self, pairs: Pairs, decode_id: int, *, gather: Callable[[Tensor], Tensor] = lambda own: own, rank: int = 0,
        generator: torch.Generator | None = None,
    ) -> Losses:  # fmt: skip
        """The losses of a batch.

        Args:
            pairs: of this process, at least two over all processes; no two with the same text.
            decode_id: the token that begins a text to be generated ([DEC]), in the place of the first.
            gather: from (B, ...) of this process to (A, ...) of all, with gradients; the processes' texts and features
                have the same L and N then. Nothing is gathered by default.
            rank: of this process.
            generator: draws the negatives of the matching loss.
        """
        media, texts = self.compared(pairs)
        to_text, to_media = similarity(media, gather(texts)), similarity(gather(media), texts).T
        contrastive = contrastive_loss(to_text, to_media, self.temperature, rank)
        other_text = hard_negatives(to_text, self.temperature, rank, generator)
        other_media = hard_negatives(to_media, self.temperature, rank, generator)
        mask = pairs.feature_mask
        ids = torch.cat([pairs.ids, pairs.ids, gather(pairs.ids)[other_text]])
        judged = Pairs(
            torch.cat([pairs.features, gather(pairs.features)[other_media], pairs.features]),
            None if mask is None else torch.cat([mask, gather(mask)[other_media], mask]),
            ids, torch.cat([pairs.text_mask, pairs.text_mask, gather(pairs.text_mask)[other_text]]),
        )  # fmt: skip
        matching = matching_loss(self.matching_logits(judged), len(pairs.ids))
        begun = torch.cat([torch.full_like(pairs.ids[:, :1], decode_id), pairs.ids[:, 1:]], dim=1)
        words = self.word_logits(pairs._replace(ids=begun))
        return Losses(contrastive, matching, generation_loss(words, pairs.ids, pairs.text_mask))

    def _normed(self, features: Tensor) -> Tensor:
        normed: Tensor = features if self.feature_norm is None else self.feature_norm(features)
        return normed

    def _queries(self, features: Tensor) -> Tensor:
        return self.queries.to(features.dtype).expand(len(features), -1, -1)
