"""A training whose processes torchrun, srun or the deepspeed launcher has started: each of them typed `macaw train`.

Rank 0 checks the settings, tokenises and makes the run folder; the others wait for its job, so that all of them train
the same even where their `macaw.yaml` differs. They talk through torch's store until they train.
"""

import hashlib
import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from macaw_cli.basics.command_line import remember_typed_command
from macaw_cli.basics.errors import Interrupted, MacawError, ResourceError
from macaw_cli.basics.launched_rank import LaunchedRank, adopt
from macaw_cli.training.job import TrainingJob, job_as_json, job_from_json
from macaw_cli.training.launching.lost_peers import continues, detail_of, of_peer, silent_peer
from macaw_cli.training.launching.orphans import end_with_launcher
from macaw_cli.training.processes import gpu_of

MEETING_TIME_S = 300
"""How long the processes wait for each other at the start."""
LOOK_EVERY_S = 0.2
FOLDER_TIME_S = 60
"""How long a network file system may take to show a folder that another machine has made."""
ASKING_TIME_S = 1.0
"""How far apart processes fail that fail alike."""
JOB = "macaw/job"


@contextmanager
def lead(rank: LaunchedRank) -> Iterator[Callable[[TrainingJob], None]]:
    """Meet the other processes, as rank 0; the block decides what is trained.

    Yields:
        A function that hands a job to the others, to be called right before this process trains it. Where it is never
        called and the block ends well, there is nothing to train, and the others end.

    Raises:
        ResourceError: a process did not come, has gone, or does not answer.
    """
    store = _meet(rank)
    given: list[TrainingJob] = []

    def give(job: TrainingJob) -> None:
        given.append(job)
        _take_place(rank, job)
        store.set(JOB, json.dumps(job_as_json(job)))

    with _told_once(store, rank, given):
        yield give
        if not given:
            store.set(JOB, "null")


def follow(rank: LaunchedRank) -> None:
    """Train what rank 0 decides, as one of the other processes.

    Raises:
        MacawError: what the training raises, unless another process tells of it.
        ResourceError: rank 0 did not come, has gone, or does not answer.
    """
    from macaw_cli.training.session import train_in_this_process

    store = _meet(rank)
    given: list[TrainingJob] = []
    with _told_once(store, rank, given):
        while not store.check([JOB]):  # rather than one long wait, which no signal could end
            time.sleep(LOOK_EVERY_S)
        content = json.loads(store.get(JOB))
        if content is None:
            return
        job = job_from_json(content, "the settings of rank 0")
        elsewhere = rank.world_size - rank.local_world_size
        job = replace(job, processes=replace(job.processes, elsewhere=elsewhere))
        given.append(job)
        _require_shared(job.run.path)
        _take_place(rank, job)
        remember_typed_command(job.command)
        train_in_this_process(job)


def _meet(rank: LaunchedRank) -> Any:
    """The store through which the processes find each other, once all have come."""
    from torch.distributed.rendezvous import rendezvous

    end_with_launcher()
    try:
        store, _, _ = next(rendezvous("env://", timeout=timedelta(seconds=MEETING_TIME_S)))
    except RuntimeError as error:  # also torch's DistNetworkError and DistStoreError
        raise ResourceError(
            f"Process {rank.rank} of {rank.world_size} did not meet the others at {rank.master_address}:"
            f"{rank.master_port} ({str(error).splitlines()[0]}).",
            "MASTER_ADDR must be the machine of rank 0, and MASTER_PORT free there and open to the other machines.",
        ) from None
    return store


def _take_place(rank: LaunchedRank, job: TrainingJob) -> None:
    """Say which GPU is this process's own: srun may show each task its own as number 0."""
    if job.processes.device == "cuda":
        adopt(replace(rank, local_rank=gpu_of(rank)))


def _require_shared(folder: Path) -> None:
    deadline = time.monotonic() + FOLDER_TIME_S
    while not folder.is_dir():
        if time.monotonic() > deadline:
            raise ResourceError(
                f"{folder} is not there on {socket.gethostname()}, although rank 0 has created it: all machines "
                "must see the runs under the same path.",
                "Mount the folder there, or set training.runs to a shared folder.",
            )
        time.sleep(LOOK_EVERY_S)


@contextmanager
def _told_once(store: Any, rank: LaunchedRank, given: list[TrainingJob]) -> Iterator[None]:
    """Of processes that fail alike, only the first tells; the others end with the same exit code."""
    try:
        yield
    except MacawError as error:
        failure = error
    except RuntimeError as error:
        about = of_peer(error)
        if about is None:
            raise
        failure = _of_peer(error, about, rank, given)
    else:
        return
    if not _tells(store, rank, failure):
        sys.exit(failure.exit_code)
    if rank.several_machines and not isinstance(failure, Interrupted):
        failure.problem = f"{failure.problem} (Process {rank.rank} of {rank.world_size}, on {socket.gethostname()}.)"
    raise failure


def _of_peer(error: RuntimeError, about: str, rank: LaunchedRank, given: list[TrainingJob]) -> MacawError:
    if not given:
        return ResourceError("Rank 0 ended before the training began.", "See its output for the reason.")
    checkpoints = given[0].run.checkpoints
    if about == "silent":
        return silent_peer(str(rank.rank), rank.world_size, detail_of(error), checkpoints)
    return ResourceError("Another process of the training has ended.", continues(checkpoints))


def _tells(store: Any, rank: LaunchedRank, failure: MacawError) -> bool:
    """Whether this process is the one to tell: of a stop, which all have agreed on, rank 0; else the first to ask."""
    if isinstance(failure, Interrupted):
        return rank.rank == 0
    key = f"macaw/told/{hashlib.sha256(failure.problem.encode()).hexdigest()}"
    try:
        is_first = bool(store.add(key, 1) == 1)
    except RuntimeError:  # the store has gone with the process that held it
        return True
    if rank.rank == 0:
        time.sleep(ASKING_TIME_S)  # under srun this process holds the store, in which the others look now
    return is_first
