"""torch.compile for the LLM's layers: one compiled layer serves all of them, so starting stays quick."""

import os
import shutil
from functools import partial
from typing import Any

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from macaw_cli.basics.errors import MissingDependencyError

COMPILERS = ("g++", "clang++", "c++", "gcc", "clang", "cc")
"""What torch.compile builds its kernels with: the first three for a CPU, any of them for a GPU."""


def compile_layers(model: Any) -> None:
    """Compile every decoder layer of the LLM in place: names of parameters and what is saved stay as they are.

    Lengths are symbolic, as sequences differ in length. Attention over packed examples stays outside: its kernel reads
    the borders between them as numbers. Compiling itself happens at the first step.

    Args:
        model: a MacawForConditionalGeneration, also with an adapter, changed in place. Whether it recomputes layers in
            the backward pass has to be settled before.

    Raises:
        MissingDependencyError: there is no compiler on PATH.
    """
    require_compiler()
    for layer in decoder_layers(model.language_model):
        if layer.gradient_checkpointing:
            layer._gradient_checkpointing_func = partial(_checkpoint_compiled, layer._gradient_checkpointing_func)
        else:
            layer.compile(dynamic=True)


def _checkpoint_compiled(checkpoint: Any, run: partial[Any], *inputs: Any) -> Any:
    """Recompute compiled code. Compiling around the recomputation would give up at the first break in the graph."""
    compiled = torch.compile(run.func, dynamic=True)  # one function for all layers: torch keeps what it has compiled
    return checkpoint(partial(compiled, *run.args, **run.keywords), *inputs)


def decoder_layers(llm: nn.Module) -> list[Any]:
    """The layers that transformers recomputes when checkpointing: one per block of the LLM."""
    return [module for module in llm.modules() if isinstance(module, GradientCheckpointingLayer)]


def require_compiler() -> None:
    """Check that torch.compile could build a kernel.

    Raises:
        MissingDependencyError: no compiler on PATH, and none named by the variable CXX or CC.
    """
    wanted = COMPILERS if torch.cuda.is_available() else COMPILERS[:3]
    named = [os.environ.get(variable, "") for variable in ("CXX", "CC")]
    if not any(shutil.which(name) for name in (*wanted, *named) if name):
        raise MissingDependencyError(
            f"training.compile needs a C++ compiler on PATH; none of {', '.join(wanted)} was found.",
            "Install one (Debian: apt-get install g++), or set training.compile to false.",
        )
