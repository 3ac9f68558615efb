"""Kernels that run attention within each example of a pack, and never compute a score between two of them.

All do the same: causal attention, in a sliding window where the LLM has one, over rows of examples behind one another.

Letters: L positions of all rows together, H heads of the queries, G of the keys and values (a divisor of H), d depth.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from macaw_cli.basics.errors import UsageError


class Heads(NamedTuple):
    """Queries, keys and values of one layer."""

    query: Tensor
    """(1, H, L, d)"""
    key: Tensor
    """(1, G, L, d)"""
    value: Tensor
    """(1, G, L, d)"""


class Pack(NamedTuple):
    """How the positions are shared out, and how this layer attends."""

    borders: tuple[int, ...]
    """Where each example begins, and the end of the last one: 0, ..., L."""
    window: int | None
    """Positions that a query sees, its own included; None for all earlier ones."""
    scale: float | None
    """Factor of the scores; None for d^-0.5."""
    dropout: float
    """Share of attention weights dropped."""

    @property
    def lengths(self) -> list[int]:
        """Positions of each example."""
        return [end - start for start, end in zip(self.borders, self.borders[1:], strict=False)]


Kernel = Callable[[nn.Module, Heads, Pack], Tensor]
"""From the layer, its heads and the pack to (1, L, H, d)."""


def by_example(layer: nn.Module, heads: Heads, pack: Pack) -> Tensor:
    """SDPA of torch, once per example: on any device, in any number format."""
    del layer
    grouped = heads.query.shape[1] != heads.key.shape[1]
    # split, not slices: its backward pass joins the gradients once instead of adding up zero-filled copies
    parts = zip(*(torch.split(one, pack.lengths, dim=2) for one in heads), strict=True)
    attended = []
    for query, key, value in parts:
        mask = _window_mask(query.shape[2], pack.window, query.device)
        attended.append(
            F.scaled_dot_product_attention(
                query, key, value, attn_mask=mask, is_causal=mask is None, dropout_p=pack.dropout, scale=pack.scale,
                enable_gqa=grouped,
            ).transpose(1, 2)
        )  # fmt: skip
    return torch.cat(attended, dim=1)


def varlen(layer: nn.Module, heads: Heads, pack: Pack) -> Tensor:
    """FlashAttention of torch over rows of several lengths; what it cannot do goes to `by_example`."""
    if not _varlen_fits(heads.query, pack):
        return by_example(layer, heads, pack)
    from torch.nn.attention.varlen import varlen_attn

    borders, longest = _on_device(pack.borders, heads.query.device), max(pack.lengths)
    grouped = heads.query.shape[1] != heads.key.shape[1]
    query, key, value = (one[0].transpose(0, 1) for one in heads)
    attended: Any = varlen_attn(
        query, key, value, borders, borders, longest, longest, scale=pack.scale, window_size=_reach(pack.window),
        enable_gqa=grouped,
    )  # fmt: skip
    return attended[None]  # type: ignore[no-any-return]


def flash(layer: nn.Module, heads: Heads, pack: Pack) -> Tensor:
    """The flash-attn package.

    Raises:
        UsageError: the tensors are not in half precision on a GPU.
    """
    del layer
    _require_gpu(heads.query, "flash")
    if heads.query.dtype not in (torch.bfloat16, torch.float16):
        raise UsageError(
            f"training.attention=flash computes in half precision only; found {heads.query.dtype}.",
            "Set training.precision to bf16, or training.attention to auto.",
        )
    function = import_module("flash_attn").flash_attn_varlen_func
    borders, longest = _on_device(pack.borders, heads.query.device), max(pack.lengths)
    query, key, value = (one[0].transpose(0, 1) for one in heads)
    attended: Any = function(
        query, key, value, borders, borders, longest, longest, dropout_p=pack.dropout, softmax_scale=pack.scale,
        causal=True, window_size=_reach(pack.window), deterministic=torch.are_deterministic_algorithms_enabled(),
    )  # fmt: skip
    return attended[None]  # type: ignore[no-any-return]


def flex(layer: nn.Module, heads: Heads, pack: Pack) -> Tensor:
    """FlexAttention with a block mask made once per pack and kind of layer.

    Raises:
        UsageError: the tensors are not on a GPU.
    """
    from transformers.integrations.flex_attention import flex_attention_forward

    _require_gpu(heads.query, "flex")
    mask = block_mask(pack.borders, pack.window, heads.query.device)
    attended: Tensor = flex_attention_forward(layer, *heads, mask, scaling=pack.scale)[0]
    return attended


def fastest(layer: nn.Module, heads: Heads, pack: Pack) -> Tensor:
    """What `training.attention: auto` means: the flash-attn package where it fits, else torch's own kernels."""
    half = heads.query.dtype in (torch.bfloat16, torch.float16)
    kernel = flash if heads.query.is_cuda and half and flash_is_installed() else varlen
    return kernel(layer, heads, pack)


def flash_is_installed() -> bool:
    """Whether the flash-attn package is there."""
    return find_spec("flash_attn") is not None


@lru_cache(maxsize=8)
def block_mask(borders: tuple[int, ...], window: int | None, device: torch.device) -> Any:
    """FlexAttention's mask of a pack; all layers of a kind and the recomputation in the backward pass share it."""
    from torch.nn.attention.flex_attention import create_block_mask

    length = borders[-1]
    starts = torch.tensor(borders[1:-1], device=device)
    example = torch.bucketize(torch.arange(length, device=device), starts, right=True)

    def visible(_row: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        seen = (query >= key) & (example[query] == example[key])
        return seen if window is None else seen & (query - key < window)

    return create_block_mask(visible, None, None, length, length, device=str(device))


def _window_mask(length: int, window: int | None, device: torch.device) -> Tensor | None:
    """(length, length), true where a query may see a key; None where the window reaches over the whole example."""
    if window is None or length <= window:
        return None
    everywhere = torch.ones(length, length, dtype=torch.bool, device=device)
    return everywhere.tril().triu(1 - window)


def _reach(window: int | None) -> tuple[int, int]:
    """Positions before and after its own that a query sees, as the flash kernels count; -1 is all."""
    return (-1 if window is None else window - 1), 0


def _varlen_fits(query: Tensor, pack: Pack) -> bool:
    return (
        query.is_cuda
        and query.dtype in (torch.bfloat16, torch.float16)
        and query.shape[-1] <= 256
        and pack.dropout == 0.0
        and not torch.are_deterministic_algorithms_enabled()
        and find_spec("torch.nn.attention.varlen") is not None
        and torch.cuda.get_device_capability(query.device) >= (8, 0)
    )


@lru_cache(maxsize=8)
def _on_device(borders: Sequence[int], device: torch.device) -> Tensor:
    return torch.tensor(borders, dtype=torch.int32, device=device)


def _require_gpu(query: Tensor, name: str) -> None:
    if not query.is_cuda:
        raise UsageError(
            f"training.attention={name} trains on a GPU only; this training runs on {query.device}.",
            "Set training.attention to auto.",
        )
