"""The LLMs that can be written as GGUF: what GGUF calls them, and what keeps one from being written.

Source: the GGUF specification of ggml and the architectures of llama.cpp. A row is here once logits and greedy tokens
were equal in llama.cpp and in transformers' reader: see tests/export/gguf/test_llm.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ROPE_TYPES = ("default", "linear", "llama3")
"""Of `rope_parameters`; llama.cpp knows others, which nobody has verified here."""


@dataclass(frozen=True)
class Architecture:
    """One family of LLMs."""

    name: str
    """What GGUF calls it."""
    interleaved: bool = False
    """Whether llama.cpp rotates neighbouring channels, where transformers rotates the halves of a head."""
    biases: bool = False
    """Whether attention has biases that are no option of the configuration."""


ARCHITECTURES: Mapping[str, Architecture] = {
    "llama": Architecture("llama", interleaved=True),
    "mistral": Architecture("llama", interleaved=True),
    "qwen2": Architecture("qwen2", biases=True),
    "qwen3": Architecture("qwen3"),
}
"""`model_type` of transformers to the family. SmolLM2 is a `llama`."""


def llm_obstacles(config: Any) -> list[str]:
    """What keeps an LLM from being written as GGUF, each in a few words; none where nothing does.

    Args:
        config: of the LLM, as in transformers.
    """
    kind = config.model_type
    if kind not in ARCHITECTURES:
        return [f"the LLM is a {kind}, and GGUF is written of {', '.join(ARCHITECTURES)}"]
    told = []
    if rope_type(config) not in ROPE_TYPES:
        told.append(f"the LLM's rope type is {rope_type(config)}, and GGUF is written of {', '.join(ROPE_TYPES)}")
    if getattr(config, "hidden_act", "silu") != "silu":
        told.append(f"the LLM's activation is {config.hidden_act}, not silu")
    for name in ("attention_bias", "mlp_bias", "use_sliding_window"):
        if getattr(config, name, False) and not (name == "attention_bias" and ARCHITECTURES[kind].biases):
            told.append(f"the LLM has {name}")
    return told


def rope_type(config: Any) -> str:
    """The kind of position embedding."""
    return str(_rope(config).get("rope_type", "default"))


def rope_parameters(config: Any) -> Mapping[str, Any]:
    """`rope_theta` and what else the kind of position embedding has."""
    return _rope(config)


def head_dim(config: Any) -> int:
    """Channels of one attention head."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def context_length(config: Any) -> int:
    """Tokens that the LLM reads; with a sliding window, over which llama.cpp does not slide here, one window."""
    longest = int(config.max_position_embeddings)
    window = getattr(config, "sliding_window", None)
    return min(longest, int(window)) if window and config.model_type == "mistral" else longest


def _rope(config: Any) -> Mapping[str, Any]:
    return getattr(config, "rope_parameters", None) or {}
