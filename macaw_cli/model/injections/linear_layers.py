"""The linear layers inside the LLM's layers, by name, and their sizes before there are any weights."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import nn

from macaw_cli.basics.errors import UsageError
from macaw_cli.encoders.pretrained import causal_lm_of
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.model.compilation import decoder_layers

ALL = "all-linear"
_OF_ADAPTERS = ("lora_", "base_layer")


class LinearSize(NamedTuple):
    """Channels of a linear layer."""

    inputs: int
    outputs: int


def linear_layers(layer: nn.Module, targets: Sequence[str] = (ALL,)) -> dict[str, nn.Module]:
    """The linear layers inside one layer of the LLM, by their names in it.

    Args:
        layer: of the LLM, with or without an adapter of PEFT's.
        targets: the last part of their names, or `all-linear`.
    """
    found: dict[str, nn.Module] = {}
    for name, module in layer.named_modules():
        own = name.removesuffix(".base_layer")
        if linear_size(module) is None or any(part in own for part in _OF_ADAPTERS):
            continue
        if ALL in targets or any(f".{own}".endswith(f".{target}") for target in targets):
            found[own] = module
    return found


def linear_sizes(llm_config: Any, targets: Sequence[str], setting: str) -> Sequence[Mapping[str, LinearSize]]:
    """Sizes of the chosen linear layers, for each layer of an LLM.

    Args:
        llm_config: configuration of the LLM.
        targets: as in `linear_layers`.
        setting: that names the targets, for the message.

    Raises:
        UsageError: a target that no linear layer has as its name.
    """
    return _linear_sizes(_Same(llm_config), tuple(targets), setting)


class _Same:
    """A configuration as a key: configurations can be compared, but not hashed."""

    def __init__(self, config: Any) -> None:
        self.config = config

    def __hash__(self) -> int:
        return id(self.config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.config is self.config


@lru_cache(maxsize=8)
def _linear_sizes(key: _Same, targets: tuple[str, ...], setting: str) -> Sequence[Mapping[str, LinearSize]]:
    with quiet_transformers(), torch.device("meta"):
        layers = decoder_layers(causal_lm_of(key.config))
    whole = [linear_layers(layer) for layer in layers]
    unknown = [target for target in targets if not any(linear_layers(layer, (target,)) for layer in layers)]
    if unknown:
        found = ", ".join(sorted({name.rpartition(".")[2] for layer in whole for name in layer}))
        raise UsageError(
            f"{setting} names {', '.join(unknown)}, but the LLM has no linear layers of that name. It has {found}.",
            f"Choose some of them, or {ALL}.",
        )
    chosen = [linear_layers(layer, targets) for layer in layers]
    return [{name: size for name, module in layer.items() if (size := linear_size(module))} for layer in chosen]


def linear_size(module: nn.Module) -> LinearSize | None:
    """Channels of a module; None of what is not a linear layer."""
    from transformers.pytorch_utils import Conv1D

    if isinstance(module, nn.Linear):  # also one whose weights are held in 4 bits
        return LinearSize(module.in_features, module.out_features)
    if isinstance(module, Conv1D):  # what GPT-2's linear layers are called
        return LinearSize(module.nx, module.nf)
    return None
