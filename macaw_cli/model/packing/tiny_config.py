"""The configuration of an LLM made small: the same architecture, cheap enough to be tried on any machine."""

from collections.abc import Iterator
from typing import Any

import torch

from macaw_cli.encoders.pretrained import causal_lm_of

MOST_PARAMETERS = 100_000_000
"""Of a copy that keeps the LLM's widths; it is made and run in about a second."""
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads", "decoder_attention_heads")
WIDTHS = ("hidden_size", "n_embd", "d_model", "word_embed_proj_dim", "embedding_size")
DEPTHS = ("head_dim", "kv_channels", "rotary_dim", "global_head_dim")
INNER = (
    "intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "moe_intermediate_size", "expert_ffn_hidden_size",
    "shared_expert_intermediate_size", "intermediate_size_mlp",
)  # fmt: skip
LEFT_OUT = {"quantization_config", "dtype", "per_layer_config"}
VOCABULARY = 32
WINDOW = 64
"""More positions than are tried: windows are not what is in doubt."""
DEPTH, COUNT, WIDTH, INNER_SIZE = 16, 4, 64, 64
CHANCE = 0.2
"""Spread of the random weights: so large that what a position sees shows in its logits."""


def small_copies(fields: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Configurations of the same architecture, the smallest first; not every one must fit together.

    Args:
        fields: all of the LLM's configuration, as it is saved.
    """
    few = _few_layers(fields)
    yield _narrow(few) | _few_experts(few)
    yield _narrow(few)
    if _parameters(few) <= MOST_PARAMETERS:
        yield few


def _few_layers(fields: dict[str, Any]) -> dict[str, Any]:
    """As many layers as show every kind of them, at least two; few ids; no quantised weights."""
    few = {name: value for name, value in fields.items() if name not in LEFT_OUT}
    few |= {"vocab_size": VOCABULARY, "initializer_range": CHANCE}
    few |= {"vocab_size_per_layer_input": VOCABULARY} if "vocab_size_per_layer_input" in few else {}
    few |= {"num_kv_shared_layers": 0} if few.get("num_kv_shared_layers") else {}
    few |= {"sliding_window": WINDOW} if isinstance(few.get("sliding_window"), int) else {}
    few |= {name: 0 for name in ("pad_token_id", "bos_token_id", "eos_token_id") if few.get(name) is not None}
    kinds = few.get("layer_types") or []
    count = max(2, *(kinds.index(kind) + 1 for kind in kinds)) if kinds else 2
    before = next((few[name] for name in LAYERS if isinstance(few.get(name), int)), None)
    for name, value in few.items():
        if name in LAYERS and isinstance(value, int):
            few[name] = min(count, value)
        elif isinstance(value, list) and before is not None and len(value) == before:
            few[name] = value[:count]  # one entry per layer
    return few


def _narrow(few: dict[str, Any]) -> dict[str, Any]:
    sizes = dict.fromkeys(HEADS, COUNT) | dict.fromkeys(WIDTHS, WIDTH)
    sizes |= dict.fromkeys(INNER, INNER_SIZE)
    if "qk_rope_head_dim" not in few:  # latent attention has depths of its own, which do not follow from the width
        sizes |= dict.fromkeys(DEPTHS, DEPTH)
    narrow = {
        name: sizes[name] if name in sizes and isinstance(value, int) else value for name, value in few.items()
    }
    heads = next((few[name] for name in HEADS if isinstance(few.get(name), int)), None)
    groups = few.get("num_key_value_heads")
    if isinstance(groups, int):
        narrow["num_key_value_heads"] = COUNT if groups == heads else COUNT // 2
    return narrow


def _few_experts(few: dict[str, Any]) -> dict[str, Any]:
    names = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
    chosen = ("num_experts_per_tok", "moe_top_k", "num_selected_experts")
    counts = dict.fromkeys(names, 4) | dict.fromkeys(chosen, 2) | {"n_group": 1, "topk_group": 1}
    return {name: count for name, count in counts.items() if isinstance(few.get(name), int) and few[name] > count}


def _parameters(fields: dict[str, Any]) -> float:
    """How many an LLM of this configuration has; infinitely many where it cannot be made."""
    from transformers import AutoConfig

    try:
        with torch.device("meta"):
            llm = causal_lm_of(AutoConfig.for_model(**fields))
    except (AssertionError, AttributeError, ImportError, LookupError, RuntimeError, TypeError, ValueError):
        return float("inf")
    return float(sum(parameter.numel() for parameter in llm.parameters()))
