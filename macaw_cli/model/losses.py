"""The loss: mean negative log-likelihood of the supervised tokens, in fp32. Pure functions.

Source: LLaVA (arXiv 2304.08485, section 4.2, equation 3), the likelihood of the answer tokens alone.

A label stands at the position of its own token; the logits of the position before predict it.
"""

import torch.nn.functional as F
from torch import Tensor

IGNORED = -100


def predicting_positions(labels: Tensor) -> Tensor:
    """Positions whose logits are needed for the loss in any row: (P,), ascending, of labels (B, T)."""
    return (labels[:, 1:] != IGNORED).any(dim=0).nonzero().squeeze(-1)


def response_loss(logits: Tensor, targets: Tensor, num_supervised: Tensor | int | None = None) -> Tensor:
    """Sum of the negative log-likelihoods divided by their number.

    Args:
        logits: (B, P, V).
        targets: (B, P) ids, aligned with the logits that predict them; -100 is not counted.
        num_supervised: divide by this instead of the number of targets counted here, as training with accumulation
            over several sequences and processes needs.

    Returns:
        A scalar in fp32; 0, with gradients, where nothing is supervised.
    """
    counted = targets != IGNORED
    total = F.cross_entropy(logits[counted].float(), targets[counted], reduction="sum")
    return divided(total, counted.sum(), num_supervised)


def divided(total: Tensor, counted: Tensor | int, num_supervised: Tensor | int | None) -> Tensor:
    """The summed loss divided by `num_supervised`, or by the number of tokens counted in it."""
    if num_supervised is None:
        num_supervised = max(counted, 1) if isinstance(counted, int) else counted.clamp(min=1)
    if isinstance(num_supervised, Tensor):
        num_supervised = num_supervised.to(total)
    return total / num_supervised


def supervised_places(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Where the hidden states stand that predict a supervised token, and these tokens: both (n,).

    Args:
        labels: (B, T); the places count over all rows behind one another.
    """
    following = F.pad(labels[:, 1:], (0, 1), value=IGNORED).flatten()
    places = (following != IGNORED).nonzero().squeeze(-1)
    return places, following[places]
