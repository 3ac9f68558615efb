"""Examples packed behind one another in a row, and block-diagonal attention, which prevents cross-contamination.

A packed sequence is known by its `position_ids`, which restart with every example. `use_attention` gives an LLM a
kernel of `attention_kernels`, which gets the borders between examples in place of the mask: every LLM of transformers
hands a four-dimensional mask on to its layers as it is, also when they are computed again for the backward pass, while
not every one hands on `position_ids` or other keywords. Without such a kernel the LLM gets a mask over all pairs of
positions; transformers makes it by itself where there are several kinds of layers.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from macaw_cli.basics.errors import MissingDependencyError, UsageError
from macaw_cli.model.packing.attention_kernels import (
    Heads,
    Kernel,
    PackedSequence,
    fastest,
    flash,
    flash_is_installed,
    flex,
    varlen,
)
from macaw_cli.model.packing.example_borders import example_borders
from macaw_cli.model.packing.language_head import without_adapter
from macaw_cli.model.packing.row_layout import RowLayout

PREFIX = "macaw-packed-"
KERNELS: dict[str, tuple[str, Kernel]] = {
    "auto": (PREFIX + "fastest", fastest),
    "sdpa": (PREFIX + "torch", varlen),
    "flex": (PREFIX + "blocks", flex),
    "flash": (PREFIX + "package", flash),
}
"""`training.attention` to a name in transformers and the kernel for packed rows; other rows go to SDPA. transformers
takes any name that has `flash` or `sdpa` in it for a kernel of its own."""
KERNELS_WITH_MASK = ("sdpa", "eager")
UNKNOWN_TO_KERNELS = ("softcap", "s_aux", "position_bias")
"""What some layers ask of their kernel that changes the scores; LLMs with such layers do without SDPA as well."""


def use_attention(model: Any, name: str) -> None:
    """Give packed examples block-diagonal attention with the kernel of this name; other calls of the model use SDPA.

    An LLM whose attention is none of transformers' exchangeable ones, or that SDPA cannot compute, stays as it is.

    Args:
        model: a MacawForConditionalGeneration, changed in place.
        name: `training.attention`.

    Raises:
        MissingDependencyError: as `require_attention`.
        UsageError: likewise.
    """
    require_attention(name)
    use_kernel(without_adapter(model.language_model), name)


def use_kernel(llm: Any, name: str) -> None:
    """`use_attention` for a bare LLM of transformers."""
    if llm._supports_sdpa and llm._supports_attention_backend and llm.config._attn_implementation != "eager":
        llm.set_attn_implementation(KERNELS[name][0])


def require_attention(name: str) -> None:
    """Check that this machine has the kernel, before anything large is read.

    Args:
        name: `training.attention`.

    Raises:
        MissingDependencyError: `flash` without the flash-attn package.
        UsageError: `flash` or `flex` without a GPU.
    """
    if name in {"flash", "flex"} and not torch.cuda.is_available():
        raise UsageError(
            f"training.attention={name} needs a GPU, but none was found.",
            "Set training.attention to auto.",
        )
    if name == "flash" and not flash_is_installed():
        raise MissingDependencyError(
            "training.attention=flash needs the flash-attn package, which is not installed.",
            "pip install flash-attn --no-build-isolation, or set training.attention to auto.",
        )


def block_diagonal_mask(position_ids: Tensor, llm_config: Any, layout: RowLayout | None = None) -> Tensor | None:
    """What the LLM gets as the mask of packed rows; None where there is one example per row, or it makes its own.

    Args:
        position_ids: (B, T), starting again with every example.
        llm_config: configuration of the LLM.
        layout: of these rows, where it is known; without it a GPU is waited for.

    Returns:
        For the kernels of `use_attention` the borders as (1, 1, 1, examples + 1) int32; for SDPA and eager attention
        (B, 1, T, T), true where a query may see a key.
    """
    kernel = llm_config._attn_implementation
    ours = kernel.startswith(PREFIX)
    if not ours and (kernel not in KERNELS_WITH_MASK or getattr(llm_config, "sliding_window", None) is not None):
        return None
    borders = layout.borders if layout else example_borders(position_ids)
    if borders is None or ours:
        return None if borders is None else borders[None, None, None]
    places = torch.arange(position_ids.numel(), device=position_ids.device)
    example = torch.bucketize(places, borders[1:-1].to(places.device), right=True).view_as(position_ids)
    same = example[:, :, None] == example[:, None, :]
    return same.tril()[:, None]


def mask_for_kernel(mask: Tensor | None, llm_config: Any, dtype: torch.dtype) -> Tensor | None:
    """A mask of (B, 1, T, T) booleans as the LLM's kernel takes it: eager attention adds it to the scores.

    Args:
        mask: what `forward` has; any other kind stays as it is, as transformers makes the rest of it.
        llm_config: configuration of the LLM.
        dtype: number format of the hidden states.
    """
    if mask is None or mask.ndim != 4 or mask.dtype != torch.bool or llm_config._attn_implementation != "eager":
        return mask
    return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, torch.finfo(dtype).min)


def packed_attention(  # noqa: PLR0913 - the signature that transformers expects
    kernel: Kernel, layer: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None,
    *, dropout: float = 0.0, scaling: float | None = None, sliding_window: int | None = None, **options: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """One layer's attention as transformers calls it: packed rows to `kernel`, everything else to SDPA.

    Args:
        kernel: for packed rows.
        layer: the attention module.
        query: (B, H, T, d).
        key: (B, G, T, d), G a divisor of H.
        value: (B, G, T, d).
        attention_mask: borders as `block_diagonal_mask` makes them, or any mask that SDPA takes.
        dropout: share of attention weights dropped.
        scaling: factor of the scores.
        sliding_window: positions that a query sees.
        **options: whatever else the LLM hands on.

    Returns:
        (B, T, H, d), and no weights.
    """
    if attention_mask is None or attention_mask.dtype != torch.int32:
        attended: tuple[Tensor, None] = sdpa_attention_forward(
            layer, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
        )
        return attended
    if any(options.get(name) is not None for name in UNKNOWN_TO_KERNELS):
        raise UsageError(
            f"{type(layer).__name__} cannot keep packed examples from attending to each other.",
            "Choose another LLM.",
        )
    how = sliding_window, scaling, dropout
    within: Tensor = _within_examples(kernel, layer, Heads(query, key, value), attention_mask, how)
    return within, None


@torch.compiler.disable  # type: ignore[untyped-decorator]  # the borders become numbers; the layer around it compiles
def _within_examples(
    kernel: Kernel, layer: nn.Module, heads: Heads, borders: Tensor, how: tuple[int | None, float | None, float]
) -> Tensor:
    rows, count, length, _ = heads.query.shape
    packed = PackedSequence(tuple(borders.flatten().tolist()), *how)
    return kernel(layer, Heads(*map(_one_row, heads)), packed).view(rows, length, count, -1)


def _one_row(part: Tensor) -> Tensor:
    """(B, H, T, d) to (1, H, B T, d)."""
    return part if len(part) == 1 else part.transpose(0, 1).flatten(1, 2)[None]


for _name, _kernel in KERNELS.values():
    AttentionInterface.register(_name, partial(packed_attention, _kernel))
    AttentionMaskInterface.register(_name, sdpa_mask)
