"""Norms and biases of the LLM as all that is trained of it (LLaMA-Adapter V2, arXiv 2304.15010, section 3.1).

An LLM without biases gets new ones, which are zero at first, where its configuration has a key for them: a trained
Llama is then a Llama of transformers with `attention_bias` and `mlp_bias`. These give biases to queries, keys, values
and outputs together, while the published model has none on keys and values. Its scales of linear layers are left out,
because no configuration has a key for them.
"""

import copy
from typing import Any

import torch

FLAGS = ("attention_bias", "mlp_bias")
"""Entries of a configuration that give linear layers a bias."""


def declare_biases(config: Any) -> None:
    """Set the keys of an LLM's configuration that give it new biases, where it has such keys.

    Args:
        config: of a causal LLM of transformers; changed.
    """
    for flag in FLAGS:
        if getattr(config, flag, None) is False:
            setattr(config, flag, True)


def add_biases(llm: Any) -> None:
    """Give an LLM the biases that `declare_biases` sets; they are zero, so it computes what it did.

    Args:
        llm: a causal LLM of transformers; changed, and its configuration with it.
    """
    config = copy.deepcopy(llm.config)
    declare_biases(config)
    with torch.device("meta"):
        wanted = type(llm)(config)
    own = {name for name, _ in llm.named_parameters()}
    for name, bias in [(name, bias) for name, bias in wanted.named_parameters() if name not in own]:
        layer = llm.get_submodule(name.removesuffix(".bias"))
        zeros = torch.zeros(bias.shape, dtype=layer.weight.dtype, device=layer.weight.device)
        layer.bias = torch.nn.Parameter(zeros)
    declare_biases(llm.config)


def norms_and_biases(llm: torch.nn.Module) -> frozenset[str]:
    """Names of the parameters of an LLM's norms, and of its biases."""
    return frozenset(
        f"{prefix}.{name}"
        for prefix, layer in llm.named_modules()
        for name, _ in layer.named_parameters(recurse=False)
        if name == "bias" or name.endswith("_bias") or "norm" in type(layer).__name__.lower()
    )
