"""The Ray cluster that the work runs on: an existing one, or a small one that is started and ended here."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import MissingDependencyError, ResourceError
from macaw_cli.basics.extras import to_install
from macaw_cli.basics.threads import usable_cores

_OBJECT_STORE_BYTES = 256 << 20
"""Of a cluster started here: only jobs and results go through it, media and features do not."""
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Crew:
    """How many actors work on a cluster, and what each has.

    Attributes:
        actors: in the whole cluster.
        gpus: of each, 1 or 0.
        decoders: decoder processes of each.
    """

    actors: int
    gpus: int
    decoders: int


def require_ray() -> None:
    """Say what to install.

    Raises:
        MissingDependencyError: Ray is not there.
    """
    if find_spec("ray") is None or find_spec("pyarrow") is None:
        raise MissingDependencyError(
            "features.engine is ray, but Ray Data is not installed.", to_install("ray")
        )


@contextmanager
def connected() -> Iterator[None]:
    """Be the driver of the cluster that `RAY_ADDRESS` names, else of one started here.

    Raises:
        ResourceError: the cluster cannot be reached.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    import ray
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what fails is told once, by macaw
    ours = not ray.is_initialized()
    if ours:
        _connect(ray)
    try:
        yield
    finally:
        if ours:
            ray.shutdown()


def crew_of(device: str, gpus: int | None, workers: int | None) -> Crew:
    """An actor per GPU; without GPUs one per machine.

    Args:
        device: the setting.
        gpus: how many to use; None is all.
        workers: decoder processes per machine; None is one per core.

    Raises:
        ResourceError: the cluster has fewer GPUs than asked for, or no machine that may work.
    """
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if not nodes:
        raise ResourceError("No machine of the Ray cluster offers a CPU.", "`ray status` shows what it has.")
    found = 0 if device == "cpu" else int(sum(node.get("GPU", 0) for node in nodes))
    wanted = gpus or (1 if device == "cuda" else 0)
    if wanted > found:
        raise ResourceError(
            f"{counted(wanted, 'GPU')} requested, but the Ray cluster has {found}.", "`ray status` shows what it has."
        )
    if not found:
        return Crew(len(nodes), 0, workers or _cores(nodes, 1))
    sharing = max(int(node.get("GPU", 0)) for node in nodes)
    return Crew(gpus or found, 1, max(1, (workers or _cores(nodes, 1)) // sharing))


def _cores(nodes: list[dict[str, float]], at_least: int) -> int:
    return max(at_least, int(min(node["CPU"] for node in nodes)))


def _connect(ray: Any) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.CRITICAL, "configure_logging": True}
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        if address := os.environ.get("RAY_ADDRESS"):
            ray.init(address=address, **quiet)
        else:  # not just any Ray on this machine: it may be another command's own, and end with it
            with _native_part_is_quiet():
                ray.init(
                    address="local", num_cpus=usable_cores(), include_dashboard=False,
                    object_store_memory=_OBJECT_STORE_BYTES, **quiet,
                )  # fmt: skip
    except ConnectionError as error:
        raise ResourceError(
            f"Ray cannot connect to RAY_ADDRESS={address} ({error}).",
            "`ray status` shows whether a cluster runs there and whether it needs a token.",
        ) from None
    finally:
        if main and handler is not None:
            signal.signal(signal.SIGTERM, handler)  # Ray sets its own


@contextmanager
def _native_part_is_quiet() -> Iterator[None]:
    """Of a cluster started here Ray would warn about actors that Ray Data makes, and say that it is told not to.

    Of another cluster its errors are left on: Ray ends the process when it is gone, with no exception.
    """
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
