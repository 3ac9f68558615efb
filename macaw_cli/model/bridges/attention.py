"""The published model's two attentions, with the parameters and names of `torch.nn.MultiheadAttention`.

Both have a learned additional key and value (`add_bias_kv`) and a zero key and value (`add_zero_attn`).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.model.alignment import AttentionWeights, align
from macaw_cli.model.device_copies import on_device


class BiasedAttention(nn.Module):
    """Parameters shared by both uses; `forward` is left to the subclasses.

    Args:
        hidden_size: D, a multiple of `heads`.
        heads: number of heads.
        dropout: share of attention weights dropped while training.
    """

    def __init__(self, hidden_size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * hidden_size))
        self.bias_k = nn.Parameter(torch.empty(1, 1, hidden_size))
        self.bias_v = nn.Parameter(torch.empty(1, 1, hidden_size))
        self.out_proj = nn.Linear(hidden_size, hidden_size)

    def initialise(self) -> None:
        """Initialise like `torch.nn.MultiheadAttention`."""
        init.xavier_uniform_(self.in_proj_weight)
        init.zeros_(self.in_proj_bias)
        init.xavier_normal_(self.bias_k)
        init.xavier_normal_(self.bias_v)
        init.zeros_(self.out_proj.bias)

    @property
    def active_dropout(self) -> float:
        """The dropout that holds now: 0 outside training."""
        return self.dropout if self.training else 0.0


class AlignmentAttention(BiasedAttention):
    """From soft tokens to the rows of the embedding matrix."""

    def forward(self, queries: Tensor, matrix: Tensor, unit: float | Tensor = 1.0) -> Tensor:
        """Attend from `queries` (n, D) to `matrix / unit`, the matrix being (V, D); returns (n, D)."""
        weights = AttentionWeights(self.in_proj_weight, self.in_proj_bias, self.bias_k, self.bias_v)
        mixed = align(queries, matrix.to(queries.dtype), weights, self.heads, dropout=self.active_dropout, unit=unit)
        aligned: Tensor = self.out_proj(mixed)
        return aligned


class SelfAttention(BiasedAttention):
    """From the tokens of a video to each other."""

    def forward(self, tokens: Tensor, lengths: list[int]) -> Tensor:
        """Attend within each row of `tokens` (B, N, C); of row i only the first `lengths[i]` tokens are attended to."""
        batch, longest, hidden_size = tokens.shape
        query, key, value = F.linear(tokens, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        zero = torch.zeros_like(self.bias_k)
        key = torch.cat([key, *(extra.expand(batch, 1, hidden_size) for extra in (self.bias_k, zero))], dim=1)
        value = torch.cat([value, *(extra.expand(batch, 1, hidden_size) for extra in (self.bias_v, zero))], dim=1)
        query, key, value = (self._by_head(part) for part in (query, key, value))
        mask = None if min(lengths) == longest else self._mask(lengths, longest, tokens.device)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=self.active_dropout)
        attended: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(-2))
        return attended

    def _by_head(self, part: Tensor) -> Tensor:
        """(B, N, C) to (B, heads, N, C / heads)."""
        return part.view(*part.shape[:2], self.heads, -1).transpose(1, 2)

    @staticmethod
    def _mask(lengths: list[int], longest: int, device: torch.device) -> Tensor:
        """(B, 1, 1, N + 2), true where a key may be attended to; the two additional keys always may."""
        real = torch.arange(longest, device=device) < on_device(lengths, device)[:, None]
        return F.pad(real, (0, 2), value=True)[:, None, None]
