"""Kernels that run attention within each example of a packed sequence, and never compute a score between two of them.

All do the same: causal attention, in a sliding window where the LLM has one, over rows of examples behind one another.

Letters: L positions of all rows together, H heads of the queries, G of the keys and values (a divisor of H), d depth.
"""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from macaw_cli.basics.errors import UsageError
from macaw_cli.model.device_copies import on_device


class Heads(NamedTuple):
    """Queries, keys and values of one layer."""

    query: Tensor
    """(1, H, L, d)"""
    key: Tensor
    """(1, G, L, d)"""
    value: Tensor
    """(1, G, L, d)"""


class PackedSequence(NamedTuple):
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


DEEPEST = 256
"""Numbers per head that the flash kernels can do."""
COMPILED_FROM = 16384
"""Positions from which on the block mask is computed by a compiled function, which never holds all pairs at once."""

Kernel = Callable[[nn.Module, Heads, PackedSequence], Tensor]
"""From the layer, its heads and the sequence to (1, L, H, d)."""


def by_example(layer: nn.Module, heads: Heads, packed: PackedSequence) -> Tensor:
    """SDPA of torch, once per example: on any device, in any number format."""
    del layer
    grouped = heads.query.shape[1] != heads.key.shape[1]
    # split, not slices: its backward pass joins the gradients once instead of adding up zero-filled copies
    parts = zip(*(torch.split(one, packed.lengths, dim=2) for one in heads), strict=True)
    attended = []
    for query, key, value in parts:
        mask = _window_mask(query.shape[2], packed.window, query.device)
        attended.append(
            F.scaled_dot_product_attention(
                query, key, value, attn_mask=mask, is_causal=mask is None, dropout_p=packed.dropout, scale=packed.scale,
                enable_gqa=grouped,
            ).transpose(1, 2)
        )  # fmt: skip
    return torch.cat(attended, dim=1)


def varlen(layer: nn.Module, heads: Heads, packed: PackedSequence) -> Tensor:
    """FlashAttention of torch over rows of several lengths; what it cannot do goes to `by_example`."""
    if not _varlen_fits(heads, packed):
        return by_example(layer, heads, packed)
    from torch.nn.attention.varlen import varlen_attn

    borders, longest = _on_device(packed.borders, heads.query.device), max(packed.lengths)
    query, key, value = (one[0].transpose(0, 1) for one in heads)
    attended: Any = varlen_attn(
        query, key, value, borders, borders, longest, longest, scale=packed.scale, window_size=_reach(packed.window),
        **_grouping(varlen_attn, heads),
    )  # fmt: skip
    return attended[None]  # type: ignore[no-any-return]


def flash(layer: nn.Module, heads: Heads, packed: PackedSequence) -> Tensor:
    """The flash-attn package; heads of unequal depths, which it cannot do, go to `by_example`.

    Raises:
        UsageError: the tensors are not in half precision on a GPU.
    """
    _require_gpu(heads.query, "flash")
    if heads.query.dtype not in (torch.bfloat16, torch.float16):
        raise UsageError(
            f"training.attention=flash works in half precision only; found {heads.query.dtype}.",
            "Set training.precision to bf16, or training.attention to auto.",
        )
    if not _flash_fits(heads):
        return by_example(layer, heads, packed)
    function = import_module("flash_attn").flash_attn_varlen_func
    borders, longest = _on_device(packed.borders, heads.query.device), max(packed.lengths)
    query, key, value = (one[0].transpose(0, 1) for one in heads)
    attended: Any = function(
        query, key, value, borders, borders, longest, longest, dropout_p=packed.dropout, softmax_scale=packed.scale,
        causal=True, window_size=_reach(packed.window), deterministic=torch.are_deterministic_algorithms_enabled(),
    )  # fmt: skip
    return attended[None]  # type: ignore[no-any-return]


def flex(layer: nn.Module, heads: Heads, packed: PackedSequence) -> Tensor:
    """FlexAttention with a block mask made once per sequence and kind of layer; it knows no dropout, `by_example` does.

    Raises:
        UsageError: the tensors are not on a GPU.
    """
    from transformers.integrations.flex_attention import flex_attention_forward

    _require_gpu(heads.query, "flex")
    if packed.dropout:
        return by_example(layer, heads, packed)
    mask = block_mask(packed.borders, packed.window, heads.query.device)
    attended: Tensor = flex_attention_forward(layer, *heads, mask, scaling=packed.scale)[0]
    return attended


def fastest(layer: nn.Module, heads: Heads, packed: PackedSequence) -> Tensor:
    """What `training.attention: auto` means: the flash-attn package where it fits, else torch's own kernels."""
    half = heads.query.dtype in (torch.bfloat16, torch.float16)
    kernel = flash if heads.query.is_cuda and half and flash_is_installed() and _flash_fits(heads) else varlen
    return kernel(layer, heads, packed)


@cache
def flash_is_installed() -> bool:
    """Whether the flash-attn package is there."""
    return find_spec("flash_attn") is not None


@lru_cache(maxsize=8)
def block_mask(borders: tuple[int, ...], window: int | None, device: torch.device) -> Any:
    """FlexAttention's mask of a packed sequence, shared by all layers of a kind and by recomputation in backward."""
    from torch.nn.attention.flex_attention import create_block_mask

    length = borders[-1]
    starts = on_device(borders[1:-1], device)
    example = torch.bucketize(torch.arange(length, device=device), starts, right=True)

    def visible(_row: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        seen = (query >= key) & (example[query] == example[key])
        return seen if window is None else seen & (query - key < window)

    compiled = device.type == "cuda" and length >= COMPILED_FROM
    return create_block_mask(visible, None, None, length, length, device=str(device), _compile=compiled)


def _window_mask(length: int, window: int | None, device: torch.device) -> Tensor | None:
    """(length, length), true where a query may see a key; None where the window reaches over the whole example."""
    if window is None or length <= window:
        return None
    everywhere = torch.ones(length, length, dtype=torch.bool, device=device)
    return everywhere.tril().triu(1 - window)


def _reach(window: int | None) -> tuple[int, int]:
    """Positions before and after its own that a query sees, as the flash kernels count; -1 is all."""
    return (-1 if window is None else window - 1), 0


def _varlen_fits(heads: Heads, packed: PackedSequence) -> bool:
    query = heads.query
    return (
        query.is_cuda
        and query.dtype in (torch.bfloat16, torch.float16)
        and _equal_depths(heads)
        and query.shape[-1] <= DEEPEST
        and query.shape[-1] % 8 == 0
        and packed.dropout == 0.0
        and not torch.are_deterministic_algorithms_enabled()
        and _varlen_is_there()
        and torch.cuda.get_device_capability(query.device) >= (8, 0)
    )


def _flash_fits(heads: Heads) -> bool:
    return _equal_depths(heads) and heads.query.shape[-1] <= DEEPEST


def _equal_depths(heads: Heads) -> bool:
    """False for latent attention such as DeepSeek's, whose values are less deep than its queries."""
    return heads.query.shape[-1] == heads.value.shape[-1]


@cache
def _varlen_is_there() -> bool:
    """Whether this torch has the kernel, with the sliding windows that it was first without (before 2.11)."""
    try:
        function = import_module("torch.nn.attention.varlen").varlen_attn
    except ImportError:
        return False
    return {"scale", "window_size"} <= signature(function).parameters.keys()


def _grouping(function: Any, heads: Heads) -> dict[str, Any]:
    """How `varlen_attn` is told that several query heads share a key: torch 2.11 sees it from the shapes alone."""
    grouped = heads.query.shape[1] != heads.key.shape[1]
    return {"enable_gqa": grouped} if "enable_gqa" in signature(function).parameters else {}


@lru_cache(maxsize=8)
def _on_device(borders: Sequence[int], device: torch.device) -> Tensor:
    return on_device(borders, device, torch.int32)


def _require_gpu(query: Tensor, name: str) -> None:
    if not query.is_cuda:
        raise UsageError(
            f"training.attention={name} needs a GPU, but this training runs on {query.device}.",
            "Set training.attention to auto.",
        )
