"""Several processes: torch's launcher starts one `rank_process` per rank, forwards signals and waits for the save.

What happened comes back in small files rather than in exit codes: a rank that was interrupted and has saved has done
nothing wrong, and torch's launcher would report it as a failure.
"""

import logging
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import read_json
from macaw_cli.basics.errors import MacawError, ResourceError
from macaw_cli.training.job import TrainingJob, TrainingReport, write_job

SAVE_TIME_S = 1800
"""How long ranks may take to finish their step and save before they are killed."""
RANK_MODULE = "macaw_cli.training.rank_process"


def launch(job: TrainingJob) -> TrainingReport:
    """Train in `job.processes.count` processes on this machine.

    Raises:
        MacawError: what a rank raised, with its exit code; or a rank died.
    """
    with tempfile.TemporaryDirectory(prefix="macaw-") as scratch:
        folder = Path(scratch)
        write_job(job, folder / "job.json")
        death = _run_launcher(job, folder)
        _raise_what_a_rank_raised(folder)
        if death or not (folder / "report.json").exists():
            raise _rank_died(job, death)
        return TrainingReport(**read_json(folder / "report.json"))


def _run_launcher(job: TrainingJob, folder: Path) -> str:
    """Run torch's launcher to its end; returns how a rank died, or an empty text."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=job.processes.count, run_id=str(uuid.uuid4()), max_restarts=0,
        rdzv_backend="c10d", rdzv_endpoint="localhost:0", local_addr="localhost", monitor_interval=0.1,
        logs_specs=DefaultLogsSpecs(), shutdown_timeout=SAVE_TIME_S, signals_to_handle="SIGTERM,SIGINT,SIGHUP",
    )  # fmt: skip
    os.environ["OMP_NUM_THREADS"] = str(job.processes.threads_each)
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    logging.disable(logging.CRITICAL)  # the launcher logs its own view of a stop or a death; ours follows
    try:
        elastic_launch(config, sys.executable)("-m", RANK_MODULE, str(folder))
    except SignalException:
        return ""  # it has forwarded the signal and waited: the ranks have told the rest
    except ChildFailedError as error:
        return _how_it_began(error.failures.values(), job.processes.count)
    finally:
        logging.disable(logging.NOTSET)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return ""


def _how_it_began(failures: Iterable[Any], count: int) -> str:
    """The death that the others followed: one by a signal of the system, not the SIGTERM by which the rest is ended."""
    first = min(failures, key=lambda one: (one.exitcode in (1, -signal.SIGTERM), one.timestamp))
    how = f"by signal {-first.exitcode}" if first.exitcode < 0 else f"with exit code {first.exitcode}"
    return f"Process {first.local_rank} of {count} ended {how}."


def _raise_what_a_rank_raised(folder: Path) -> None:
    for file in sorted(folder.glob("error-*.json")):
        content: dict[str, Any] = read_json(file)
        error = MacawError(content["problem"], content["hint"])
        error.exit_code = content["exit_code"]
        raise error


def _rank_died(job: TrainingJob, death: str) -> ResourceError:
    return ResourceError(
        death or "The training processes ended without a report.",
        f"The checkpoints in {job.run.checkpoints} are kept: `macaw train --resume` continues. A process ended by "
        "signal 9 usually means that memory ran out: lower training.pack_tokens or raise training.zero_stage.",
    )
