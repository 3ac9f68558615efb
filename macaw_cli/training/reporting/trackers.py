"""Figures sent to a tracker that the user asked for, from a thread of its own: training never waits for it.

What a tracker cannot do (no network, not logged in, a server that is down) costs one warning and nothing else.
"""

import importlib.util
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

from macaw_cli.basics.console import say
from macaw_cli.basics.errors import MissingDependencyError
from macaw_cli.training.reporting.tracker_runs import Scalars

GRACE_S = 20.0
"""How long the end of a training waits for a tracker to take what is left."""


class Tracker(Protocol):
    """One service; any method may raise anything."""

    def open(self) -> None:
        """Begin, or go on with, the service's run."""

    def write(self, step: int, scalars: Scalars) -> None:
        """Send figures; those that the service has from before an interruption are left out."""

    def close(self) -> None:
        """Send what is left, and end the service's run."""


def require_trackers(names: Iterable[str]) -> None:
    """Refuse trackers whose package is not there, before anything is trained.

    Raises:
        MissingDependencyError: a package is missing.
    """
    for name in missing_trackers(names):
        raise MissingDependencyError(
            f"training.trackers asks for {name}, which is not installed.",
            f"Install it (pip install 'macaw-cli[{name}]'), or take it out of training.trackers.",
        )


def missing_trackers(names: Iterable[str]) -> list[str]:
    """Those whose package is not installed here."""
    return [name for name in names if importlib.util.find_spec(name) is None]


def open_trackers(
    names: Sequence[str], run: Path, settings: dict[str, Any], earlier: Sequence[tuple[int, Scalars]] = ()
) -> "list[TrackerThread]":
    """Begin to send a run's figures; problems are told and do no harm.

    Args:
        names: of `training.trackers`.
        run: the run's folder.
        settings: what the services show as the run's configuration.
        earlier: steps and figures from before an interruption, which a service may have missed.
    """
    return [TrackerThread(name, _tracker(name, run, settings), earlier) for name in names]


def _tracker(name: str, run: Path, settings: dict[str, Any]) -> Tracker:
    if name == "wandb":
        from macaw_cli.training.reporting.wandb_tracker import WandbTracker

        return WandbTracker(run, settings)
    from macaw_cli.training.reporting.mlflow_tracker import MlflowTracker

    return MlflowTracker(run, settings)


class TrackerThread:
    """Hands figures to a tracker in the background; after its first failure it is left alone.

    Args:
        name: as the user knows it.
        tracker: the service.
        earlier: figures to begin with.
    """

    def __init__(self, name: str, tracker: Tracker, earlier: Sequence[tuple[int, Scalars]] = ()) -> None:
        self._name, self._tracker = name, tracker
        self._waiting: SimpleQueue[tuple[int, Scalars] | None] = SimpleQueue()
        self._failed = False
        for item in earlier:
            self._waiting.put(item)
        self._thread = threading.Thread(target=self._work, name=f"macaw-{name}", daemon=True)
        self._thread.start()

    def write(self, step: int, scalars: Scalars) -> None:
        """Send figures, some time soon."""
        if not self._failed:
            self._waiting.put((step, scalars))

    def close(self) -> None:
        """Wait a little for what is left."""
        self._waiting.put(None)
        self._thread.join(GRACE_S)
        if self._thread.is_alive():
            self._failed = True
            say(f"{self._name} did not accept the last metrics within {GRACE_S:.0f} s; metrics.jsonl has them all.")

    def _work(self) -> None:
        try:
            self._tracker.open()
            while (item := self._waiting.get()) is not None:
                self._tracker.write(*item)
            self._tracker.close()
        except Exception as error:  # a service's library may raise anything, and none of it is worth a training
            was_given_up, self._failed = self._failed, True
            if not was_given_up:
                why = (str(error).strip() or type(error).__name__).splitlines()[0]
                say(f"{self._name} receives no more metrics of this run ({why}); metrics.jsonl has them all.")
