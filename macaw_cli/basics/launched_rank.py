"""The part of this process in a training of several, from the environment of torchrun, srun or deepspeed."""

import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from macaw_cli.basics.errors import UsageError

OURS = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
"""Variables of torchrun and deepspeed that say that a launcher is at work."""
STEP_SIZE = "SLURM_STEP_NUM_TASKS"
"""Set by srun alone: a batch script has the variables of its job's tasks as well, but is none of them."""
FIRST_PORT, PORTS = 20_000, 10_000
"""Below the ports that Linux gives away by itself."""


@dataclass(frozen=True)
class LaunchedRank:
    """One process of a training that another launcher has started."""

    launcher: str
    """Its name, for messages."""
    rank: int
    world_size: int
    local_rank: int
    """Number of this process on its machine."""
    local_world_size: int
    """Processes on this machine."""
    master_address: str
    """The machine of rank 0, as the others reach it."""
    master_port: int

    @property
    def several_machines(self) -> bool:
        """Whether there are processes on other machines."""
        return self.local_world_size < self.world_size


def launched_rank(environment: Mapping[str, str]) -> LaunchedRank | None:
    """The part of this process in a training of several, or None where it is the only process.

    A launcher that starts one process counts as none: macaw may then start processes of its own (`--gpus 4`).
    torchrun's variables go before SLURM's, because torchrun itself may be started by srun.

    Raises:
        UsageError: variables are missing, are not numbers, or contradict each other.
    """
    if "RANK" in environment:
        found = _of_torchrun(environment)
    elif STEP_SIZE in environment or environment.get("SLURM_PROCID", "0") != "0":
        found = _of_srun(environment)
    else:
        set_here = [name for name in OURS if name in environment]
        if set_here and environment.get("WORLD_SIZE") != "1":
            raise _incomplete(set_here, ["RANK"])
        return None
    if not 0 <= found.local_rank < found.local_world_size <= found.world_size or not 0 <= found.rank < found.world_size:
        raise UsageError(
            f"{found.launcher} says that this is process {found.rank} of {found.world_size}, and number "
            f"{found.local_rank} of {found.local_world_size} on its machine, which is impossible.",
            "Start all processes with the same launcher.",
        )
    return found if found.world_size > 1 else None


def adopt(rank: LaunchedRank, environment: MutableMapping[str, str] = os.environ) -> None:
    """Put the rank where torch, DeepSpeed and `basics.distributed` look for it; call it before torch is imported."""
    environment.update(
        RANK=str(rank.rank),
        WORLD_SIZE=str(rank.world_size),
        LOCAL_RANK=str(rank.local_rank),
        LOCAL_WORLD_SIZE=str(rank.local_world_size),
        MASTER_ADDR=rank.master_address,
        MASTER_PORT=str(rank.master_port),
    )
    environment.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")


def _of_torchrun(environment: Mapping[str, str]) -> LaunchedRank:
    """Of torchrun or deepspeed, which call the number of processes on a machine LOCAL_WORLD_SIZE and LOCAL_SIZE."""
    torchrun = "TORCHELASTIC_RUN_ID" in environment
    launcher = "torchrun" if torchrun else "deepspeed" if "CROSS_SIZE" in environment else "The launcher"
    local_size = "LOCAL_SIZE" if "LOCAL_SIZE" in environment and not torchrun else "LOCAL_WORLD_SIZE"
    if environment.get("WORLD_SIZE") == "1":
        return LaunchedRank(launcher, 0, 1, 0, 1, "", 0)
    names = (*OURS, local_size, "MASTER_ADDR", "MASTER_PORT")
    missing = [name for name in names if not environment.get(name)]
    if missing:
        raise _incomplete([name for name in names if name in environment], missing)
    rank, world_size, local_rank, local_world_size = (_number(environment, name) for name in names[:4])
    port = _number(environment, "MASTER_PORT")
    return LaunchedRank(
        launcher, rank, world_size, local_rank, local_world_size, environment["MASTER_ADDR"], port
    )


def _of_srun(environment: Mapping[str, str]) -> LaunchedRank:
    nodes = "SLURM_STEP_NODELIST" if environment.get("SLURM_STEP_NODELIST") else "SLURM_JOB_NODELIST"
    per_node = "SLURM_STEP_TASKS_PER_NODE"
    names = ("SLURM_PROCID", STEP_SIZE, "SLURM_LOCALID", "SLURM_NODEID", per_node, nodes)
    if environment.get(STEP_SIZE) == "1":
        return LaunchedRank("srun", 0, 1, 0, 1, "", 0)
    missing = [name for name in names if not environment.get(name)]
    if missing:
        raise _incomplete([name for name in names if name in environment], missing)
    rank, world_size, local_rank, node = (_number(environment, name) for name in names[:4])
    told = environment.get("WORLD_SIZE", str(world_size))
    if told != str(world_size):
        raise UsageError(
            f"WORLD_SIZE is {told}, but srun started {world_size} tasks.", "Do not set WORLD_SIZE in the script."
        )
    tasks = tasks_per_node(environment[per_node])
    port = _number(environment, "MASTER_PORT") if environment.get("MASTER_PORT") else _port_of_step(environment)
    master = environment.get("MASTER_ADDR") or first_host(environment[nodes])
    return LaunchedRank("srun", rank, world_size, local_rank, tasks[node] if node < len(tasks) else 0, master, port)


def first_host(nodes: str) -> str:
    """The first machine of SLURM's list: `node007` of `node[007-009,12],gpu1`."""
    first = re.split(r",(?![^\[]*\])", nodes)[0]
    return re.sub(r"\[(\w+)[^\]]*\]", r"\1", first)


def tasks_per_node(text: str) -> list[int]:
    """Tasks of each machine, of SLURM's short form: `[8, 8, 4]` of `8(x2),4`; empty where it cannot be read."""
    counts: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part.strip())
        if match is None:
            return []
        counts += [int(match[1])] * int(match[2] or 1)
    return counts


def _port_of_step(environment: Mapping[str, str]) -> int:
    """A port that all processes of the step work out alike, and another step on the same machine does not."""
    told = [environment.get(name, "") for name in ("SLURM_JOB_ID", "SLURM_STEP_ID")]
    job, step = (int(text) if text.isdigit() else 0 for text in told)
    return FIRST_PORT + (job + 31 * step) % PORTS


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment[name]
    if not text.isdigit():
        raise UsageError(f"{name} must be a whole number, found `{text}`.", "Let the launcher set it.")
    return int(text)


def _incomplete(there: list[str], missing: list[str]) -> UsageError:
    are = "is" if len(missing) == 1 else "are"
    return UsageError(
        f"{', '.join(there)} {'is' if len(there) == 1 else 'are'} set, as a launcher of several processes does, but "
        f"{', '.join(missing)} {are} missing.",
        "Start `macaw train` with torchrun, srun or deepspeed, which set all of them; for one process, unset these.",
    )
