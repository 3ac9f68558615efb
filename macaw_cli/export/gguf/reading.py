"""An LLM in a GGUF file, read back by transformers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.export.gguf.architectures import head_dim, rope_parameters, rope_type

DEFAULT = "default"


def not_read(config: Any) -> dict[str, Any]:
    """What transformers' reader leaves at its defaults, as in the configuration of the LLM; empty where it is right.

    It reads neither the size of a head where that is not the hidden size over the heads, nor how positions are scaled.
    """
    told: dict[str, Any] = {}
    if head_dim(config) * config.num_attention_heads != config.hidden_size:
        told["head_dim"] = head_dim(config)
    if rope_type(config) != DEFAULT:
        told["rope_parameters"] = dict(rope_parameters(config))
    return told


def read_llm(path: Path, told: Mapping[str, Any]) -> Any:
    """The LLM in fp32 and evaluation mode.

    Args:
        path: of the file.
        told: what `not_read` returned for its source.
    """
    with quiet_transformers():
        config = AutoConfig.from_pretrained(path.parent, gguf_file=path.name)
        for name, value in told.items():
            setattr(config, name, value)
        model = AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, config=config, dtype=torch.float32
        )
    return model.eval()
