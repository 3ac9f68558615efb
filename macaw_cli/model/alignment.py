"""Attention of a few queries over the whole embedding matrix, without ever projecting the matrix per example.

The published bridge attends from soft tokens to the LLM's embedding matrix E with `torch.nn.MultiheadAttention(...,
add_bias_kv=True, add_zero_attn=True)`. That projects all V rows of E to keys and values, once per example. Two
exact forms avoid it:

- `folded`: for head a, `score(q, j) = (q_a W_k,a) . E_j + q_a . b_k,a`, and the value is `(sum_j p_j E_j) W_v,a^T`
  plus biases, so the projections move to the few queries and behind the weighted sum;
- `shared`: E is projected once and all queries of the batch use it.

`align` takes the one with fewer operations. Letters: n queries, V rows of E, D hidden size, h heads, d = D / h.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class AttentionWeights(NamedTuple):
    """The parameters of `torch.nn.MultiheadAttention` before its output projection, in its own layout."""

    in_proj_weight: Tensor
    """(3 D, D): query, key and value projection, one below the other."""
    in_proj_bias: Tensor
    """(3 D,)"""
    bias_k: Tensor
    """(1, 1, D): one more key, not projected."""
    bias_v: Tensor
    """(1, 1, D): the value of that key."""


Unit = float | Tensor
"""What a matrix is divided by."""


def align(
    queries: Tensor, matrix: Tensor, weights: AttentionWeights, heads: int, *, dropout: float = 0.0, unit: Unit = 1.0
) -> Tensor:
    """Attend from every query to every row of `matrix`, to a learned key and to a zero key.

    Args:
        queries: (n, D), those of the whole batch.
        matrix: (V, D), keys and values; used as `matrix / unit`.
        weights: the projections.
        heads: h; D is a multiple of it.
        dropout: share of attention weights dropped, 0 outside training.
        unit: divides the matrix, without a copy of it.

    Returns:
        (n, D): the heads side by side, as they enter the output projection.
    """
    form = folded if folding_is_cheaper(len(queries), len(matrix), matrix.shape[1], heads) else shared
    return form(queries, matrix, weights, heads, dropout=dropout, unit=unit)


def folding_is_cheaper(queries: int, rows: int, hidden_size: int, heads: int) -> bool:
    """Whether `folded` needs fewer multiplications than `shared`; what both need alike is left out."""
    folded_cost, shared_cost = _multiplications(queries, rows, hidden_size, heads)
    return folded_cost <= shared_cost


def operations(queries: int, rows: int, hidden_size: int, heads: int) -> float:
    """Floating point operations of the attention in its cheaper form, forward, with its query and output projection.

    A multiplication and an addition count as two.

    Args:
        queries: n.
        rows: V.
        hidden_size: D.
        heads: h.
    """
    return 2.0 * (min(_multiplications(queries, rows, hidden_size, heads)) + 2 * queries * hidden_size**2)


def _multiplications(queries: int, rows: int, hidden_size: int, heads: int) -> tuple[int, int]:
    """Operations of `folded` and of `shared`."""
    folded_cost = 2 * queries * hidden_size**2 + 2 * heads * queries * rows * hidden_size
    shared_cost = 2 * rows * hidden_size**2 + 2 * queries * rows * hidden_size
    return folded_cost, shared_cost


def folded(
    queries: Tensor, matrix: Tensor, weights: AttentionWeights, heads: int, *, dropout: float = 0.0, unit: Unit = 1.0
) -> Tensor:
    """`align` with the projections folded into the queries and behind the weighted sum."""
    count, hidden_size = queries.shape
    rows, head_dim = matrix.shape[0], hidden_size // heads
    query_weight, key_weight, value_weight = weights.in_proj_weight.view(3, heads, head_dim, hidden_size).unbind()
    query_bias, key_bias, value_bias = weights.in_proj_bias.view(3, heads, 1, head_dim).unbind()

    query = torch.einsum("nc,hdc->hnd", queries, query_weight) + query_bias
    query = query * head_dim**-0.5
    scores = (query @ key_weight / unit).view(heads * count, hidden_size) @ matrix.T
    # The key bias adds the same to all V scores of a query. Softmax only sees differences, so it is subtracted from
    # the two additional keys instead: (h n, 2) numbers are touched, not (h n, V).
    shift = (query * key_bias).sum(-1)
    learned = (query * weights.bias_k.view(heads, 1, head_dim)).sum(-1)
    additional = torch.stack([learned - shift, -shift], dim=-1).view(heads * count, 2)
    share = torch.cat([scores, additional], dim=-1).softmax(dim=-1, dtype=torch.float32)
    share = dropped(share, dropout)

    on_rows, on_learned = share[:, :rows], share[:, rows].view(heads, count, 1)
    mixed = (on_rows.to(matrix.dtype) @ matrix).view(heads, count, hidden_size) / unit
    total = on_rows.sum(dim=-1).view(heads, count, 1)
    values = mixed @ value_weight.transpose(1, 2)
    values = values + (total * value_bias + on_learned * weights.bias_v.view(heads, 1, head_dim)).to(values.dtype)
    return values.transpose(0, 1).reshape(count, hidden_size)


def shared(
    queries: Tensor, matrix: Tensor, weights: AttentionWeights, heads: int, *, dropout: float = 0.0, unit: Unit = 1.0
) -> Tensor:
    """`align` with the matrix projected once for all queries."""
    count, hidden_size = queries.shape
    query_weight, key_weight, value_weight = weights.in_proj_weight.chunk(3)
    query_bias, key_bias, value_bias = weights.in_proj_bias.chunk(3)
    zero = torch.zeros_like(weights.bias_k[0])

    query = F.linear(queries, query_weight, query_bias)
    keys = torch.cat([F.linear(matrix, key_weight / unit, key_bias), weights.bias_k[0], zero])
    values = torch.cat([F.linear(matrix, value_weight / unit, value_bias), weights.bias_v[0], zero])
    query, keys, values = (part.view(len(part), heads, -1).transpose(0, 1) for part in (query, keys, values))
    return attended(query, keys, values, dropout).transpose(0, 1).reshape(count, hidden_size)


def attended(query: Tensor, keys: Tensor, values: Tensor, dropout: float) -> Tensor:
    """Attention per head: queries (h, n, d), keys and values (h, V, d), result (h, n, d).

    torch's kernel keeps the softmax in fp32 and never stores all weights. On a CPU it has no dropout, and what torch
    does instead takes twice the time; so there each head is done by itself.
    """
    if not dropout or query.is_cuda:
        return F.scaled_dot_product_attention(query[None], keys[None], values[None], dropout_p=dropout)[0]
    scaled = query * query.shape[-1] ** -0.5
    made = []
    for one, key, value in zip(scaled, keys, values, strict=True):
        share = (one @ key.T).softmax(dim=-1, dtype=torch.float32)
        made.append(dropped(share, dropout).to(value.dtype) @ value)
    return torch.stack(made)


def dropped(share: Tensor, dropout: float) -> Tensor:
    """`F.dropout`; on a CPU with 16 random bits per number, four from each draw, as drawing is what takes the time.

    Args:
        share: any shape.
        dropout: 0 to leave it as it is; on a CPU rounded to a multiple of 2^-16.
    """
    if not dropout or share.is_cuda:
        return F.dropout(share, dropout)
    limit = round(dropout * 2**16)
    draws = torch.empty(-(-share.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    bits = draws.view(torch.int16)[: share.numel()].view(share.shape)
    return share.masked_fill(bits < limit - 2**15, 0.0) * (2**16 / (2**16 - limit))
