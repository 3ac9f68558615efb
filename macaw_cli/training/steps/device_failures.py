"""What training fails with on a device, and what to change: memory that is full, kernels that cannot repeat."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from macaw_cli.basics.errors import ResourceError, UsageError

LESS_PER_STEP = (
    "Lower training.sequence_length (and raise training.global_batch_size), set training.gradient_checkpointing, "
    "or raise training.zero_stage."
)
"""What to change where the forward or backward pass needs too much memory."""
_NOT_DETERMINISTIC = "does not have a deterministic implementation"


@contextmanager
def device_failures_are_told(hint: str = LESS_PER_STEP, what: str = "") -> Iterator[None]:
    """Turn torch's errors about a device into messages that name the setting to change.

    Args:
        hint: what to do when memory is full.
        what: what was being done; empty for a training step.

    Raises:
        ResourceError: the GPU's memory is full.
        UsageError: `training.deterministic` is set, and an operation of this model cannot repeat to the bit.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        during = f" during {what}" if what else ""
        raise ResourceError(f"The GPU's memory is full{during}: {str(error).splitlines()[0]}", hint) from error
    except RuntimeError as error:
        if _NOT_DETERMINISTIC not in str(error):
            raise
        operation = str(error).split(_NOT_DETERMINISTIC, maxsplit=1)[0].strip()
        raise UsageError(
            f"training.deterministic=true, but {operation} has no deterministic implementation on this device.",
            "Add --set training.deterministic=false.",
        ) from error
