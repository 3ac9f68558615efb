"""Parameters that DeepSpeed's ZeRO-3 has split among the processes: empty outside the forward passes that use them."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor, nn


def is_partitioned(parameter: Tensor) -> bool:
    """Whether ZeRO-3 has split it."""
    return hasattr(parameter, "ds_id")  # only DeepSpeed's own parameters have one


def gathered(parameter: Tensor, *, to_change: bool = False) -> AbstractContextManager[None]:
    """The whole of a parameter for the duration of the block; where it is split, on every process alike.

    A block within a block may read the same parameter: a tied output layer is the embedding matrix.

    Args:
        parameter: split or not.
        to_change: keep what the block writes to it; where it is split, what the first process writes.
    """
    if not is_partitioned(parameter) or (_is_whole(parameter) and not to_change):
        return nullcontext()
    import deepspeed

    context: AbstractContextManager[None] = deepspeed.zero.GatheredParameters(
        [parameter], modifier_rank=0 if to_change else None
    )
    return context


def _is_whole(parameter: Any) -> bool:
    """Whether a parameter that ZeRO-3 has split is gathered now."""
    return bool(parameter.ds_status.name == "AVAILABLE")


def used_in(module: nn.Module, parameter: nn.Parameter) -> None:
    """Have ZeRO-3 gather a parameter of another module for this one's forward; nothing to do where it is whole."""
    if is_partitioned(parameter):
        import deepspeed

        deepspeed.zero.register_external_parameter(module, parameter)
