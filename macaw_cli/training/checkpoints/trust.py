"""Which checkpoints are read at all: DeepSpeed unpickles its files, and a pickle can run any code."""

import os
import pickle
from pathlib import Path

import torch

from macaw_cli.basics.errors import MismatchError

ALLOWED = {
    "deepspeed.runtime.fp16.loss_scaler.DynamicLossScaler",
    "deepspeed.runtime.fp16.loss_scaler.LossScaler",
    "deepspeed.runtime.zero.config.ZeroStageEnum",
    "deepspeed.utils.tensor_fragment.fragment_address",
}
"""All that DeepSpeed's checkpoints name besides tensors and plain values."""


def require_trusted(path: Path) -> None:
    """Refuse a checkpoint that another user wrote, or that would run anything; nothing of it is unpickled here.

    Args:
        path: folder of one checkpoint.

    Raises:
        MismatchError: one of its files is another user's, or names code that no checkpoint of a training holds.
    """
    for file in sorted(path.rglob("*")):
        if file.stat().st_uid != os.getuid():
            raise _not_read(f"{file} belongs to another user; a DeepSpeed checkpoint can hold code")
        if file.suffix == ".pt":
            _require_harmless(file)


def _require_harmless(file: Path) -> None:
    """The files may have been copied from anywhere, and then are this user's; so what they would call is looked up."""
    try:
        named = set(torch.serialization.get_unsafe_globals_in_checkpoint(file))
    except (ValueError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise _not_read(f"{file} was not written by torch.save ({error})") from error
    if named - ALLOWED:
        raise _not_read(f"{file} would run {', '.join(sorted(named -  ALLOWED))}, which no training checkpoint does")


def _not_read(reason: str) -> MismatchError:
    return MismatchError(
        f"{reason}, so it is not read.",
        "Continue a checkpoint of your own, or use the trained model of the run instead.",
    )
