"""DeepSpeed as training starts it: quiet, without its C++ builds, and with an end that does not crash.

Outside training only `model/partitions.py` imports it, for weights that ZeRO-3 has split.

Each oddity below answers a measured one: DeepSpeed compiles a C++ communication op on CPU that gloo replaces,
logs to stdout, and tries MPI unless it is told not to; a gloo process that leaves without taking everything down
in the right order dies of SIGABRT now and then.
"""

import atexit
import gc
import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch.distributed import distributed_c10d

from macaw_cli.basics.errors import MissingDependencyError
from macaw_cli.training.processes import Processes

TIMEOUT_VARIABLE = "MACAW_COLLECTIVE_TIMEOUT_S"
TIMEOUT_S = 1800.0
"""How long a rank waits for another one; tokenising a large dataset on rank 0 is the longest such wait."""


def import_deepspeed(device: str) -> Any:
    """DeepSpeed, quiet and without just-in-time C++ builds.

    Args:
        device: "cpu" or "cuda".

    Raises:
        MissingDependencyError: it is not installed, as on any platform but Linux.
    """
    if device == "cpu":
        os.environ["DS_ACCELERATOR"] = "cpu"  # else it probes for a GPU, with warnings on stdout
    try:
        with _silent():
            import deepspeed
            import deepspeed.ops
    except ImportError as error:
        raise MissingDependencyError(
            f"Training needs DeepSpeed, which cannot be imported on this {sys.platform} machine ({error}).",
            "It runs on Linux: pip install deepspeed there. All other commands work here.",
        ) from None
    if device == "cpu":
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    logger = logging.getLogger("DeepSpeed")
    logger.setLevel(logging.ERROR)
    logger.handlers.clear()  # its own goes to stdout; without one, Python writes errors to stderr
    logger.propagate = False
    # two lines for each collective under ZeRO-3, about names that DeepSpeed still uses
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.distributed")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"torch\.jit")
    return deepspeed


@contextmanager
def _silent() -> Iterator[None]:
    """Send both output streams nowhere: importing DeepSpeed tries a linker, whose complaints mean nothing here."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(number) for number in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in (1, 2):
            os.dup2(nowhere, number)
        yield
    finally:
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)


@contextmanager
def process_group(processes: Processes) -> Iterator[None]:
    """Communicate with the other processes of the run for the duration of the block.

    Several join through the launcher's store, and part in an order that does not crash; on an exception nothing is
    taken down, as another rank may be waiting inside a collective: the launcher ends them all. A single process joins
    itself once and stays so until it exits, because DeepSpeed keeps its groups from one training to the next.
    """
    deepspeed = import_deepspeed(processes.device)
    timeout = timedelta(seconds=float(os.environ.get(TIMEOUT_VARIABLE, TIMEOUT_S)))
    # DeepSpeed's own groups take torch's defaults, 10 minutes under NCCL, whatever the group of all ranks has
    for name in ("default_pg_timeout", "default_pg_nccl_timeout"):
        setattr(distributed_c10d, name, timeout)
    backend = "nccl" if processes.device == "cuda" else "gloo"
    options: dict[str, Any] = {"auto_mpi_discovery": False, "timeout": timeout, "verbose": False}
    if processes.device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    if processes.count == 1:
        if not torch.distributed.is_initialized():
            folder = tempfile.mkdtemp(prefix="macaw-")
            os.environ.update(LOCAL_RANK="0", RANK="0", WORLD_SIZE="1")
            alone = {"init_method": f"file://{folder}/rendezvous", "rank": 0, "world_size": 1}
            deepspeed.init_distributed(backend, **options, **alone)
            atexit.register(_part_alone, folder)
        yield
        return
    deepspeed.init_distributed(backend, **options)
    yield
    torch.distributed.barrier()
    gc.collect()
    torch.distributed.destroy_process_group()


def _part_alone(folder: str) -> None:
    torch.distributed.destroy_process_group()
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def partitioned_loading(config: dict[str, Any]) -> Iterator[None]:
    """Under ZeRO-3, let `from_pretrained` load each weight as a partition; lasts as long as the block."""
    if config["zero_optimization"]["stage"] < 3:
        yield
        return
    from transformers.integrations import HfDeepSpeedConfig

    keep_alive = HfDeepSpeedConfig(config)  # transformers only holds a weak reference
    yield
    del keep_alive


def initialize(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, config: dict[str, Any], processes: Processes
) -> Any:
    """A DeepSpeed engine around the model and our optimizer.

    The device is that of the processes: the model may still wait in CPU memory for the engine to fetch it.
    """
    deepspeed = import_deepspeed(processes.device)
    engine, _, _, _ = deepspeed.initialize(model=model, optimizer=optimizer, config=config)
    return engine


def new_optimizer(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """AdamW over the groups: torch's fused kernel, on a GPU and, with offload, on the CPU.

    The learning rate is 0: each step sets that of its groups, and until then DeepSpeed tries the optimizer out.

    DeepSpeed's own CPU Adam is not used: it needs a compiler, and was no faster than torch's fused one (50 M values on
    two AVX-512 cores).
    """
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.999), fused=True)
