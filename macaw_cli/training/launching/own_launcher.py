"""Several processes on this machine that macaw starts itself, through torch's launcher."""

import logging
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import write_json
from macaw_cli.training.job import TrainingJob, TrainingReport, job_as_json
from macaw_cli.training.launching.outcome import Death, leave_stop, report_of
from macaw_cli.training.processes import threads_for

SAVE_TIME_S = 1800
"""How long processes may take to finish their step and save before they are killed."""
RANK_MODULE = "macaw_cli.training.launching.rank_process"


def launch(job: TrainingJob) -> TrainingReport:
    """Train in `job.processes.count` processes on this machine.

    Raises:
        MacawError: what a rank raised, with its exit code.
        ResourceError: a process died.
        Interrupted: SIGINT or SIGTERM before the training began.
    """
    with tempfile.TemporaryDirectory(prefix="macaw-") as folder:
        write_json(Path(folder) / "job.json", job_as_json(job))
        return report_of(Path(folder), job, _run_ranks(Path(folder), job.processes.count))


def _run_ranks(folder: Path, count: int) -> Death | None:
    """Run the processes to their end; torch's launcher starts them, forwards signals and waits for the save.

    Args:
        folder: holds `job.json`; the processes leave there what happened.
        count: how many.

    Returns:
        The death that the others followed; None when all ended by themselves, or after a signal.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=count, run_id=str(uuid.uuid4()), max_restarts=0,
        rdzv_backend="c10d", rdzv_endpoint="localhost:0", local_addr="localhost", monitor_interval=0.1,
        logs_specs=DefaultLogsSpecs(), shutdown_timeout=SAVE_TIME_S, signals_to_handle="SIGTERM,SIGINT,SIGHUP",
    )  # fmt: skip
    os.environ["OMP_NUM_THREADS"] = str(threads_for(count))
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    logging.disable(logging.CRITICAL)  # the launcher logs its own view of a stop or a death; ours follows
    try:
        elastic_launch(config, sys.executable)("-m", RANK_MODULE, str(folder))
    except SignalException as stop:
        leave_stop(folder, stop.sigval)  # it has forwarded the signal and waited: the ranks have told the rest
    except ChildFailedError as error:
        return how_it_began(error.failures.values(), count)
    finally:
        logging.disable(logging.NOTSET)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return None


def how_it_began(failures: Iterable[Any], count: int) -> Death:
    """The death that the others followed: one by a signal of the system, not the SIGTERM by which the rest is ended.

    Args:
        failures: torch's ProcessFailures.
        count: of all processes.
    """
    follows = (1, -signal.SIGTERM)  # a process that loses its peers leaves with 1
    first = min(failures, key=lambda one: (one.exitcode in follows, one.timestamp))
    how = f"by signal {-first.exitcode}" if first.exitcode < 0 else f"with exit code {first.exitcode}"
    return Death(f"Process {first.local_rank} of {count} ended {how}.", first.exitcode in follows)
