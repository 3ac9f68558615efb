"""Whether an LLM is free of cross-contamination within a row: between packed examples, and answers that share a prompt.

LLMs of transformers do that each in its own code: layers that carry a state, masks made without the positions, or
positions told by the mask alone all mix what must not mix, and no list of names covers them for good. So a tiny copy
of the LLM, of the same classes with few small layers, reads two examples in one row, and each alone.
"""

import json
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import AutoConfig

from macaw_cli.basics.errors import UsageError
from macaw_cli.encoders.pretrained import causal_lm_of
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.model.packing.example_borders import example_borders
from macaw_cli.model.packing.language_head import without_adapter
from macaw_cli.model.packing.packed_attention import PREFIX, block_diagonal_mask, mask_for_kernel, use_kernel
from macaw_cli.model.packing.tiny_config import small_copies

STATELESS_LAYERS = {"full_attention", "sliding_attention", "chunked_attention", "mlp", "moe", "dense", "sparse"}
"""Kinds of layers, in transformers' words, that see other positions through attention alone, or not at all."""
TOLERANCE = 1e-4
"""Share of the largest logit by which rounding may move a logit; the smallest leak that was seen moves it by 1e-2."""
CANNOT = (AssertionError, AttributeError, ImportError, LookupError, NotImplementedError, RuntimeError, TypeError)
"""What LLMs raise at inputs that they do not understand."""
WITHOUT_EFFECT = {"dtype", "torch_dtype", "quantization_config", "vocab_size", "_name_or_path", "transformers_version"}
"""Fields of a configuration that a small copy does not take over."""
FIRST, SECOND, PROMPT = (5, 6, 7, 8, 9, 10), (1, 2, 3, 4), (11, 12, 13)


class PackingSupport(NamedTuple):
    """Where an LLM has no cross-contamination."""

    packing: bool
    """Examples behind one another, told by positions that start again."""
    branches: bool
    """Answers behind one prompt, told by a mask over all pairs of positions."""
    known: bool = True
    """Whether it could be tried; if not, no cross-contamination is assumed."""


def require_packing_support(llm: Any, position_ids: Tensor) -> None:
    """Refuse a packed row for an LLM that would mix its examples.

    Args:
        llm: a causal LLM of transformers, or wrapped by PEFT.
        position_ids: (B, T), starting again with every example.

    Raises:
        UsageError: with the way out.
    """
    config = llm.config
    found = packing_support_of(llm)
    chunk = attention_chunk(config)
    if found.packing and chunk is None:
        return
    borders = example_borders(position_ids)
    if borders is not None:
        require_packable(config, int(borders.diff().max()), found)


def require_packable(llm_config: Any, longest: int, found: PackingSupport | None = None) -> None:
    """Refuse an LLM that cannot be trained with several examples in a row.

    Args:
        llm_config: the LLM's configuration.
        longest: tokens of the longest example.
        found: what is known of the LLM; default: tried.

    Raises:
        UsageError: with the way out.
    """
    chunk = attention_chunk(llm_config)
    if not (found or packing_support_of_config(llm_config)).packing:
        problem = (
            f"An LLM of the kind {llm_config.model_type} causes cross-contamination in packed sequences: "
            "a conversation influences the next one, or several in a row cannot be read at all."
        )
    elif chunk is not None and longest > chunk:
        problem = (
            f"{llm_config.model_type} attends in chunks of {chunk} tokens, which cannot be aligned with conversations "
            f"of {longest} tokens in a packed sequence."
        )
    else:
        return
    raise UsageError(
        problem,
        "Add --set training.sequence_length=16, so that every longer conversation gets a sequence of its own.",
    )


def branches_are_supported(llm: Any, length: int) -> bool:
    """Whether a mask over all pairs of positions says all: the LLM keeps to it, and adds no window of its own.

    Args:
        llm: a causal LLM of transformers.
        length: tokens of the row.
    """
    config = llm.config
    reaches = (getattr(config, "sliding_window", None), attention_chunk(config))
    return all(reach is None or length <= reach for reach in reaches) and packing_support_of(llm).branches


def packing_support_of(llm: Any) -> PackingSupport:
    """Where this LLM has no cross-contamination, with the attention that it has; tried once."""
    inner = without_adapter(llm)
    kernel = inner.config._attn_implementation or ""
    kept: tuple[str, PackingSupport] | None = getattr(inner, "_macaw_packing_support", None)
    if kept is None or kept[0] != kernel:
        how = "ours" if kernel.startswith(PREFIX) else kernel
        inner._macaw_packing_support = kept = (kernel, packing_support_of_config(inner.config, how))
    return kept[1]


def packing_support_of_config(llm_config: Any, kernel: str = "ours") -> PackingSupport:
    """Where an LLM of this configuration has no cross-contamination; known before any weights are read.

    Args:
        llm_config: of a causal LLM of transformers.
        kernel: "ours" for those of `packing.use_attention`, as in training; else in transformers' words.
    """
    if not set(getattr(llm_config, "layer_types", None) or ()) <= STATELESS_LAYERS:
        return PackingSupport(packing=False, branches=False)
    fields = json.loads(llm_config.to_json_string(use_diff=False))
    # the number format differs between a checkpoint and the model in training: the same LLM is tried once
    return _tried(json.dumps({name: value for name, value in fields.items() if name not in WITHOUT_EFFECT}), kernel)


@lru_cache(maxsize=32)
def _tried(config: str, kernel: str) -> PackingSupport:
    plain = None if kernel in {"ours", ""} else kernel
    with quiet_transformers(), torch.random.fork_rng(devices=[]), torch.no_grad():
        for fields in small_copies(json.loads(config)):
            torch.default_generator.manual_seed(0)  # torch.manual_seed would reseed the GPUs, which nothing restores
            try:
                small = AutoConfig.for_model(**fields)
                llm = causal_lm_of(small, dtype=torch.float32, attn_implementation=plain).eval()
                alone = _logits(llm, SECOND)
                continued = _logits(llm, PROMPT + SECOND)[len(PROMPT) :]
            except (*CANNOT, ValueError):
                continue  # this copy does not fit together; the next one changes less
            if alone.isfinite().all() and continued.isfinite().all():
                if getattr(llm, "_is_stateful", False):
                    return PackingSupport(packing=False, branches=False)
                if kernel == "ours":
                    use_kernel(llm, "auto")
                return PackingSupport(_packing_works(llm, alone), _branches_work(llm, continued))
    return PackingSupport(packing=True, branches=True, known=False)


def _packing_works(llm: Any, alone: Tensor) -> bool:
    positions = torch.tensor([[*range(len(FIRST)), *range(len(SECOND))]])
    return _agrees(llm, FIRST + SECOND, positions, block_diagonal_mask(positions, llm.config), alone)


def _branches_work(llm: Any, continued: Tensor) -> bool:
    start, length = len(PROMPT), len(PROMPT) + len(FIRST) + len(SECOND)
    positions = torch.tensor([[*range(start + len(FIRST)), *range(start, start + len(SECOND))]])
    mask = torch.ones(length, length, dtype=torch.bool).tril()
    mask[-len(SECOND) :, start : start + len(FIRST)] = False
    return _agrees(llm, PROMPT + FIRST + SECOND, positions, mask[None, None], continued)


def _agrees(llm: Any, ids: tuple[int, ...], positions: Tensor, mask: Tensor | None, expected: Tensor) -> bool:
    """Whether the last tokens have the logits that they have without what must not be seen."""
    mask = mask_for_kernel(mask, llm.config, torch.float32)
    try:
        found = _logits(llm, ids, position_ids=positions, attention_mask=mask)[-len(expected) :]
    except (*CANNOT, ValueError, UsageError):
        return False
    return bool((found - expected).abs().max() <= TOLERANCE * expected.abs().max())


def _logits(llm: Any, ids: tuple[int, ...], **inputs: Any) -> Tensor:
    """(T, V), from embeddings, as `MacawForConditionalGeneration` hands them on."""
    embedded = llm.get_input_embeddings()(torch.tensor([ids]))
    logits: Tensor = llm(inputs_embeds=embedded, use_cache=False, **inputs).logits[0]
    return logits


def attention_chunk(llm_config: Any) -> int | None:
    """Tokens of a chunk, where some layers attend within chunks of the row."""
    if "chunked_attention" not in (getattr(llm_config, "layer_types", None) or ()):
        return None
    return getattr(llm_config, "attention_chunk_size", None)
