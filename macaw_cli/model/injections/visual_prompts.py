"""The small transformer with which `llama-adapter-v2` reads a medium.

Letters: M media, N soft tokens of the longest, P prompt vectors, C size of a soft token, W width of the transformer, D
hidden size of the LLM.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.model.blocks.attention import Attention
from macaw_cli.model.blocks.feed_forward import FeedForward


class VisualPrompts(nn.Module):
    """Learned queries beside the soft tokens of a medium, through encoder blocks: what the queries have become.

    Args:
        channels: C.
        width: W.
        hidden: D.
        queries: P.
        blocks: of the transformer.
        heads: of its attention.
        expansion: size of its feed-forward parts over W.
    """

    def __init__(
        self, channels: int, width: int, hidden: int, *, queries: int, blocks: int, heads: int, expansion: int
    ) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.Linear(channels, width), nn.LayerNorm(width))
        self.queries = nn.Parameter(torch.randn(queries, width))
        self.blocks = nn.ModuleList(EncoderBlock(width, heads, expansion) for _ in range(blocks))
        self.leave = nn.Sequential(nn.Linear(width, hidden), nn.LayerNorm(hidden))

    def initialise(self) -> None:
        """Draw the queries as the published code does."""
        init.normal_(self.queries)

    def forward(self, media: Tensor, mask: Tensor | None) -> Tensor:
        """(M, P, D).

        Args:
            media: (M, N, C).
            mask: (M, N), true where there is a token; None where all media have N.
        """
        count = len(self.queries)
        tokens = torch.cat([self.queries.expand(len(media), -1, -1), self.enter(media)], dim=1)
        if mask is not None:
            mask = F.pad(mask, (count, 0), value=True)
        for block in self.blocks:
            tokens = block(tokens, mask)
        read: Tensor = self.leave(tokens[:, :count])
        return read


class EncoderBlock(nn.Module):
    """`x += Attn(LN(x))`, then `x += FFN(LN(x))`: a block of a vision transformer (arXiv 2010.11929, section 3.1).

    Args:
        width: W.
        heads: of the attention, a divisor of W.
        expansion: size of the feed-forward part over W.
    """

    def __init__(self, width: int, heads: int, expansion: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, width, heads)
        self.feed_forward_norm = nn.LayerNorm(width, eps=1e-6)
        self.feed_forward = FeedForward(width, expansion * width)

    def forward(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Tokens (M, N, W), changed.

        Args:
            tokens: (M, N, W).
            mask: (M, N), true where a token may be attended to; None where all may.
        """
        normed = self.attention_norm(tokens)
        tokens = tokens + self.attention(normed, normed, mask)
        changed: Tensor = tokens + self.feed_forward(self.feed_forward_norm(tokens))
        return changed
