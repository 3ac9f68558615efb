"""Layers as LLaMA's, but every token sees every other one and none has a position.

Letters: B rows, N tokens, W width.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from macaw_cli.model.blocks.attention import Attention
from macaw_cli.model.blocks.norms import RMSNorm


class GatedMlp(nn.Module):
    """`silu(gate x) * (rise x)`, and a linear layer back (SwiGLU, arXiv 2002.05202), without biases.

    Args:
        width: W.
        inner: size between the linear layers.
        out: size of what is returned; W by default.
    """

    def __init__(self, width: int, inner: int, out: int | None = None) -> None:
        super().__init__()
        self.gate = nn.Linear(width, inner, bias=False)
        self.rise = nn.Linear(width, inner, bias=False)
        self.fall = nn.Linear(inner, out or width, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (..., W), each on its own, to (..., W or `out`)."""
        changed: Tensor = self.fall(F.silu(self.gate(tokens)) * self.rise(tokens))
        return changed


class BidirectionalLayer(nn.Module):
    """RMSNorm and attention, RMSNorm and gated MLP, both added to what enters them.

    Args:
        width: W, a multiple of `heads`.
        heads: of the attention, which has no biases.
        inner: width of the MLP.
        eps: of the norms.
    """

    def __init__(self, width: int, heads: int, inner: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(width, eps=eps)
        self.attention = Attention(width, width, heads, bias=False)
        self.mlp_norm = RMSNorm(width, eps=eps)
        self.mlp = GatedMlp(width, inner)

    def forward(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Tokens (B, N, W); `mask` (B, N) is true where a token may be seen, None where all may."""
        normed = self.attention_norm(tokens)
        tokens = tokens + self.attention(normed, normed, mask)
        changed: Tensor = tokens + self.mlp(self.mlp_norm(tokens))
        return changed
