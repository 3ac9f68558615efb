"""The processes of one machine: torch's launcher starts them, forwards signals and waits for the save."""

import logging
import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macaw_cli.training.launching.outcome import Death, leave_stop
from macaw_cli.training.processes import threads_for

SAVE_TIME_S = 1800
"""How long processes may take to finish their step and save before they are killed."""
MEETING_TIME_S = 300
"""How long machines wait for each other at the start."""
RANK_MODULE = "macaw_cli.training.launching.rank_process"


@dataclass(frozen=True)
class Node:
    """The part of one machine in a training."""

    processes: int
    total: int
    """Processes over all machines."""
    first_rank: int = 0
    number: int = 0
    """Of this machine, in the order of the hostfile."""
    nodes: int = 1
    host: str = ""
    """Its name in the hostfile; empty without one."""
    endpoint: str = "localhost:0"
    """Where the machines meet: the first one's address, and a port."""
    run_id: str = "macaw"


def run_ranks(folder: Path, node: Node) -> Death | None:
    """Run this machine's processes to their end.

    Args:
        folder: holds `job.json`; the processes leave there what happened.
        node: which processes.

    Returns:
        The death that the others followed; None when all ended by themselves, or after a signal.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    alone = node.nodes == 1 and not node.host
    meeting: dict[str, Any] = {"rdzv_backend": "c10d", "local_addr": "localhost"}
    if not alone:
        meeting = {"rdzv_backend": "static", "rdzv_configs": {"rank": node.number, "timeout": MEETING_TIME_S}}
    config = LaunchConfig(
        min_nodes=node.nodes, max_nodes=node.nodes, nproc_per_node=node.processes, run_id=node.run_id, max_restarts=0,
        rdzv_endpoint=node.endpoint, monitor_interval=0.1, logs_specs=DefaultLogsSpecs(),
        shutdown_timeout=SAVE_TIME_S, signals_to_handle="SIGTERM,SIGINT,SIGHUP", **meeting,
    )  # fmt: skip
    os.environ["OMP_NUM_THREADS"] = str(threads_for(node.processes))
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    logging.disable(logging.CRITICAL)  # the launcher logs its own view of a stop or a death; ours follows
    try:
        elastic_launch(config, sys.executable)("-m", RANK_MODULE, str(folder))
    except SignalException as stop:
        leave_stop(folder, stop.sigval)  # it has forwarded the signal and waited: the ranks have told the rest
    except ChildFailedError as error:
        return how_it_began(error.failures.values(), node)
    finally:
        logging.disable(logging.NOTSET)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return None


def how_it_began(failures: Iterable[Any], node: Node) -> Death:
    """The death that the others followed: one by a signal of the system, not the SIGTERM by which the rest is ended.

    Args:
        failures: torch's ProcessFailures.
        node: the machine they happened on.
    """
    follows = (1, -signal.SIGTERM)  # a process that loses its peers leaves with 1
    first = min(failures, key=lambda one: (one.exitcode in follows, one.timestamp))
    how = f"by signal {-first.exitcode}" if first.exitcode < 0 else f"with exit code {first.exitcode}"
    place = f" on {node.host}" if node.host else ""
    text = f"Process {node.first_rank + first.local_rank} of {node.total}{place} ended {how}."
    return Death(text, first.exitcode in follows, float(first.timestamp))
