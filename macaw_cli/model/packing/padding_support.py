"""Whether rows of an LLM that are padded on the left are answered as each alone, from a cache that keeps all positions.

As in `packing_support`, a tiny copy of the LLM is tried, as no list of names covers all code: two prompts of different
lengths are read together and continued, and each alone. A sliding window is set so small that they reach beyond it: the
mask has to do what the cache of such layers would do, which forgets what others still need.
"""

import json
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, DynamicCache

from macaw_cli.basics.errors import UsageError
from macaw_cli.encoders.pretrained import causal_lm_of
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.model.packing.language_head import without_adapter
from macaw_cli.model.packing.packed_attention import PREFIX
from macaw_cli.model.packing.packing_support import (
    CANNOT,
    STATELESS_LAYERS,
    TOLERANCE,
    WITHOUT_EFFECT,
    attention_chunk,
)
from macaw_cli.model.packing.tiny_config import small_copies

WINDOW = 4
ROWS = ((5, 6, 7, 8, 9, 10), (1, 2, 3))
MORE = ((11, 12, 13), (4, 14, 15))
"""How the rows go on."""


def padding_is_supported(llm: Any, length: int) -> bool:
    """Whether rows of up to so many positions may be padded on the left, with a plain `DynamicCache`.

    Args:
        llm: a causal LLM of transformers, or wrapped by PEFT.
        length: padding included.
    """
    inner = without_adapter(llm)
    chunk = attention_chunk(inner.config)
    if chunk is not None and length > chunk:
        return False  # chunks begin at multiples of their size, which padding moves
    kernel = inner.config._attn_implementation or ""
    kept: tuple[str, bool] | None = getattr(inner, "_macaw_padding_support", None)
    if kept is None or kept[0] != kernel:
        inner._macaw_padding_support = kept = (kernel, _supported(inner.config, kernel))
    return kept[1]


def forgets_positions(llm_config: Any) -> bool:
    """Whether the usual cache of an LLM loses what is outside of a window or a chunk."""
    text = llm_config.get_text_config()
    windows = (getattr(text, "sliding_window", None), attention_chunk(text))
    return any(window is not None for window in windows)


def _supported(llm_config: Any, kernel: str) -> bool:
    if not set(getattr(llm_config, "layer_types", None) or ()) <= STATELESS_LAYERS:
        return False
    fields = json.loads(llm_config.to_json_string(use_diff=False))
    plain = None if kernel.startswith(PREFIX) or not kernel else kernel
    return _tried(json.dumps({name: value for name, value in fields.items() if name not in WITHOUT_EFFECT}), plain)


@lru_cache(maxsize=32)
def _tried(config: str, kernel: str | None) -> bool:
    with quiet_transformers(), torch.random.fork_rng(devices=[]), torch.no_grad():
        for fields in small_copies(json.loads(config)):
            if isinstance(fields.get("sliding_window"), int):
                fields["sliding_window"] = WINDOW
            torch.default_generator.manual_seed(0)  # torch.manual_seed would reseed the GPUs, which nothing restores
            try:
                llm = causal_lm_of(
                    AutoConfig.for_model(**fields), dtype=torch.float32, attn_implementation=kernel
                ).eval()
                alone = torch.stack([_alone(llm, ids, more) for ids, more in zip(ROWS, MORE, strict=True)])
            except (*CANNOT, ValueError):
                continue  # this copy does not fit together; the next one changes less
            if alone.isfinite().all():
                if getattr(llm, "_is_stateful", False):
                    return False
                try:
                    found = _together(llm)
                except (*CANNOT, ValueError, UsageError):
                    return False
                return bool((found - alone).abs().max() <= TOLERANCE * alone.abs().max())
    return False


def _alone(llm: Any, ids: tuple[int, ...], more: tuple[int, ...]) -> Tensor:
    """(more, V): logits behind each of the later tokens, without a cache."""
    embedded = llm.get_input_embeddings()(torch.tensor([ids + more]))
    logits: Tensor = llm(inputs_embeds=embedded, use_cache=False).logits[0, -len(more) :]
    return logits


def _together(llm: Any) -> Tensor:
    """(rows, more, V): the same for all rows, padded and with a cache."""
    longest, embed = max(map(len, ROWS)), llm.get_input_embeddings()
    before = [longest - len(ids) for ids in ROWS]
    padded = torch.tensor([[0] * count + list(ids) for count, ids in zip(before, ROWS, strict=True)])
    mask = torch.tensor([[0] * count + [1] * (longest - count) for count in before])
    cache, found = DynamicCache(), []
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    llm(
        inputs_embeds=embed(padded), attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True
    )
    for tokens in zip(*MORE, strict=True):
        mask = torch.cat([mask, mask.new_ones(len(ROWS), 1)], dim=1)
        positions = mask.sum(dim=1, keepdim=True) - 1
        output = llm(
            inputs_embeds=embed(torch.tensor(tokens)[:, None]), attention_mask=mask, position_ids=positions,
            past_key_values=cache, use_cache=True,
        )  # fmt: skip
        found.append(output.logits[:, -1])
    return torch.stack(found, dim=1)
