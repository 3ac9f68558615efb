"""The keys and tensors of an LLM in a GGUF file."""

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from macaw_cli.export.gguf.architectures import (
    ARCHITECTURES,
    context_length,
    head_dim,
    rope_parameters,
    rope_type,
)
from macaw_cli.export.gguf.file_writing import Stored

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def llm_keys(config: Any, vocabulary_size: int) -> dict[str, Any]:
    """What llama.cpp reads of an LLM's configuration.

    Args:
        config: of the LLM, as in transformers.
        vocabulary_size: rows of the embedding matrix in the file.
    """
    name = ARCHITECTURES[config.model_type].name
    rope = rope_parameters(config)
    keys: dict[str, Any] = {
        "context_length": context_length(config),
        "embedding_length": int(config.hidden_size),
        "block_count": int(config.num_hidden_layers),
        "feed_forward_length": int(config.intermediate_size),
        "attention.head_count": int(config.num_attention_heads),
        "attention.head_count_kv": int(config.num_key_value_heads or config.num_attention_heads),
        "attention.key_length": head_dim(config),
        "attention.value_length": head_dim(config),
        "attention.layer_norm_rms_epsilon": float(config.rms_norm_eps),
        "rope.dimension_count": head_dim(config),
        "rope.freq_base": float(rope.get("rope_theta", 10000.0)),
        "vocab_size": vocabulary_size,
    }
    if rope_type(config) == "linear":
        keys |= {"rope.scaling.type": "linear", "rope.scaling.factor": float(rope["factor"])}
    return {f"{name}.{key}": value for key, value in keys.items()}


def llm_tensors(config: Any, weights: Mapping[str, Tensor], more: Tensor | None = None) -> Iterator[Stored]:
    """The weights of an LLM under GGUF's names.

    Args:
        config: of the LLM.
        weights: as in the state of the model.
        more: (n, D) embeddings of tokens behind the LLM's own, which it never writes: their rows of the head are
            those of its first token, so that a greedy choice falls on that one.
    """
    from gguf import MODEL_ARCH_NAMES, get_tensor_name_map

    family = ARCHITECTURES[config.model_type]
    kind = next(arch for arch, name in MODEL_ARCH_NAMES.items() if name == family.name)
    names = get_tensor_name_map(kind, int(config.num_hidden_layers))
    if rope_type(config) == "llama3":
        yield Stored("rope_freqs.weight", lambda: llama3_factors(config), "f32")
    tied = bool(config.tie_word_embeddings)
    for name, weight in weights.items():
        if name == HEAD and tied:
            continue
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise KeyError(name)
        yield Stored(found, partial(_value, config, name, weight, more))
    if tied and more is not None:
        yield Stored("output.weight", partial(_value, config, HEAD, weights[EMBEDDING], more))


def interleaved(weight: Tensor, heads: int) -> Tensor:
    """Rows of a query or key projection so that the halves of a head lie side by side: (heads * C, ...)."""
    halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return halves.transpose(1, 2).reshape(weight.shape)


def llama3_factors(config: Any) -> Tensor:
    """By what llama.cpp divides each rotation's frequency: (C/2,). Source: Llama 3.1, `rope_type: llama3`."""
    rope = rope_parameters(config)
    factor, original = float(rope["factor"]), float(rope["original_max_position_embeddings"])
    low, high = float(rope["low_freq_factor"]), float(rope["high_freq_factor"])
    channels = head_dim(config)
    frequencies = float(rope["rope_theta"]) ** -(torch.arange(0, channels, 2, dtype=torch.float64) / channels)
    turns = original * frequencies / (2 * math.pi)
    smooth = ((turns - low) / (high - low)).clamp(0, 1)
    return 1 / ((1 - smooth) / factor + smooth)


def _value(config: Any, name: str, weight: Tensor, more: Tensor | None) -> Tensor:
    if more is not None and name == EMBEDDING:
        return torch.cat([weight.float(), more.float().to(weight.device)])
    if more is not None and name == HEAD:
        return torch.cat([weight, weight[:1].expand(len(more), -1)])
    if ARCHITECTURES[config.model_type].interleaved:
        if ".q_proj." in name:
            return interleaved(weight, int(config.num_attention_heads))
        if ".k_proj." in name:
            return interleaved(weight, int(config.num_key_value_heads or config.num_attention_heads))
    return weight
