"""The losses of media and their texts with which BLIP-2 trains a Q-Former without an LLM. Pure functions.

Source: BLIP-2 (arXiv 2301.12597, section 3.2, "Bootstrap Vision-Language Representation Learning from a Frozen Image
Encoder") and its code in LAVIS.

Letters: B pairs of this process, A pairs of all processes, Q queries, L text tokens, E size of the compared vectors,
V words.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from macaw_cli.model.losses import IGNORED

SMOOTHING = 0.1
"""Label smoothing of the contrastive and the generating loss, as published."""


def similarity(media: Tensor, texts: Tensor) -> Tensor:
    """Cosine between each medium's best query and each text: (B, A) of (B, Q, E) and (A, E), all of length 1."""
    best: Tensor = torch.einsum("bqe,ae->baq", media, texts).amax(dim=-1)
    return best


def contrastive_loss(
    media_to_text: Tensor, text_to_media: Tensor, temperature: Tensor | float, rank: int = 0
) -> Tensor:
    """Whether each medium finds its text among all, and each text its medium (ITC): a scalar.

    Args:
        media_to_text: (B, A) similarities of this process's media to the texts of all processes.
        text_to_media: (B, A) similarities of this process's texts to the media of all processes.
        temperature: divides the similarities.
        rank: of this process: its pairs stand at B rank.
    """
    own = _own(media_to_text, rank)
    losses = [
        F.cross_entropy((one / temperature).float(), own, label_smoothing=SMOOTHING)
        for one in (media_to_text, text_to_media)
    ]
    return (losses[0] + losses[1]) / 2


@torch.no_grad()
def hard_negatives(
    similarities: Tensor, temperature: Tensor | float, rank: int = 0, generator: torch.Generator | None = None
) -> Tensor:
    """Of each row of (B, A) similarities one other than its own partner, the likelier the more similar: (B,) places.

    Args:
        similarities: (B, A), A at least 2.
        temperature: divides them.
        rank: of this process.
        generator: draws the places.
    """
    weights = (similarities / temperature).float().softmax(dim=-1) + 1e-9  # none of them is impossible
    weights.scatter_(1, _own(similarities, rank)[:, None], 0.0)
    return torch.multinomial(weights, 1, generator=generator).squeeze(1)


def matching_loss(logits: Tensor, pairs: int) -> Tensor:
    """Whether a medium and a text belong together (ITM): a scalar.

    Args:
        logits: (n, 2), the second for "they do"; the mean over the queries.
        pairs: how many of them, the first ones, do.
    """
    belong = (torch.arange(len(logits), device=logits.device) < pairs).long()
    return F.cross_entropy(logits.float(), belong)


def generation_mask(queries: int, text_mask: Tensor) -> Tensor:
    """Who sees whom when the text is generated: (B, Q + L, Q + L), true where the row may attend to the column.

    Queries see each other alone. A text token sees all queries, itself and the text before it.

    Args:
        queries: Q.
        text_mask: (B, L), true for text and false for padding behind it.
    """
    rows, length = text_mask.shape
    causal = torch.ones(length, length, dtype=torch.bool, device=text_mask.device).tril()
    mask = text_mask.new_zeros(rows, queries + length, queries + length)
    mask[:, :, :queries] = True
    mask[:, queries:, queries:] = causal & text_mask[:, None]
    return mask


def generation_loss(logits: Tensor, ids: Tensor, text_mask: Tensor) -> Tensor:
    """Whether each token of the text is foretold by those before it and the medium (ITG): a scalar.

    Args:
        logits: (B, L, V).
        ids: (B, L); the first only begins the text.
        text_mask: (B, L), true for text.
    """
    targets = ids.masked_fill(~text_mask, IGNORED)[:, 1:]
    foretold = logits[:, :-1].float().flatten(0, 1)
    return F.cross_entropy(foretold, targets.flatten(), ignore_index=IGNORED, label_smoothing=SMOOTHING)


def _own(similarities: Tensor, rank: int) -> Tensor:
    """(B,) the place of each row's partner among all."""
    return torch.arange(len(similarities), device=similarities.device) + rank * len(similarities)
