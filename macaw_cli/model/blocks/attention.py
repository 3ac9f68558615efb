"""Attention and feed-forward layers that several designs share.

Letters: B rows, Q queries, N keys, I = heads x head size.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from macaw_cli.basics.errors import UsageError

HEAD_SIZE = 64
"""Of most published attentions."""


class Attention(nn.Module):
    """Multi-head attention from queries to other tokens (Vaswani et al., arXiv 1706.03762, section 3.2.2).

    Args:
        width: of the queries and of what is returned.
        source: of the tokens that are attended to.
        heads: number of heads.
        head_size: of one head; None divides `width` by `heads`.
        bias: whether the four linear layers have a bias.
        dropout: share of attention weights dropped while training.
    """

    def __init__(
        self, width: int, source: int, heads: int, *, head_size: int | None = None, bias: bool = True,
        dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        inner = heads * (head_size or width // heads)
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(width, inner, bias=bias)
        self.key = nn.Linear(source, inner, bias=bias)
        self.value = nn.Linear(source, inner, bias=bias)
        self.out = nn.Linear(inner, width, bias=bias)

    def forward(self, queries: Tensor, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend from `queries` (B, Q, width) to `tokens` (B, N, source); returns (B, Q, width).

        Args:
            queries: (B, Q, width).
            tokens: (B, N, source).
            mask: true where a key may be attended to: (B, N), or (B, Q, N) where it depends on the query; every query
                needs one such key. None where all may.
        """
        query, key, value = (
            projected.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projected in (self.query(queries), self.key(tokens), self.value(tokens))
        )
        if mask is not None:
            mask = mask[:, None, None] if mask.dim() == 2 else mask[:, None]
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
        attended: Tensor = self.out(mixed.transpose(1, 2).flatten(-2))
        return attended


def heads_of(what: str, width: int, heads: int | None) -> int:
    """The number of heads for a width: the wanted one, or as many as have at least `HEAD_SIZE` channels each.

    Args:
        what: has the width, for the message.
        width: of what is attended from.
        heads: as set.

    Raises:
        UsageError: the wanted number does not divide the width.
    """
    if heads is None:
        return max(number for number in range(1, max(width // HEAD_SIZE, 1) + 1) if width % number == 0)
    if width % heads:
        raise UsageError(
            f"The width of {what}, {width}, is not a multiple of the {heads} heads (bridge.heads).",
            f"Set bridge.heads to a divisor of {width}.",
        )
    return heads
