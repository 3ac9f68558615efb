"""MLflow. Its own environment variables hold: MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME, MLFLOW_TRACKING_TOKEN."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.training.reporting.tracker_runs import Scalars, remember, remembered

EXPERIMENT = "macaw"
STORE = ".mlruns"
"""Folder among the runs that takes the figures where no tracking server is named; hidden, as it is no run."""
PARAMETERS_AT_ONCE, LONGEST_VALUE = 100, 500
_NOT_ALLOWED = re.compile(r"[^\w\-./: ]")
"""Letters that MLflow takes in no name of a figure."""


class MlflowTracker:
    """One run of MLflow.

    Args:
        run: our run's folder.
        settings: shown as the run's parameters.
    """

    def __init__(self, run: Path, settings: dict[str, Any]) -> None:
        self._folder, self._settings = run, settings
        self._client: Any = None
        self._id = ""
        self._goes_on = False
        self._known_steps: dict[str, int] = {}
        """Of each figure, the last step that MLflow had before this process began."""

    def open(self) -> None:
        """Begin, or go on with, the MLflow run."""
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # its own default tries for four minutes
        store = self._folder.parent / STORE
        uri = os.environ.get("MLFLOW_TRACKING_URI") or store.absolute().as_uri()
        if uri.startswith("file:"):
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # else it wants a database and its driver
        elif uri.startswith("http") and os.environ.get("HF_HUB_OFFLINE") == "1":
            raise ConnectionError(f"HF_HUB_OFFLINE=1 is set, and MLFLOW_TRACKING_URI is {uri}")
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=uri)
        known = remembered(self._folder, "mlflow")
        self._goes_on = known is not None and self._continue(known)
        if not self._goes_on:
            self._begin()

    def write(self, step: int, scalars: Scalars) -> None:
        """Send figures that MLflow does not have yet."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        allowed = {_NOT_ALLOWED.sub("_", name): value for name, value in scalars.items()}
        new = [Metric(name, value, now, step) for name, value in allowed.items() if step > self._known_step(name)]
        if new:
            self._client.log_batch(self._id, metrics=new)

    def close(self) -> None:
        """Mark the run as finished; a resume opens it again."""
        self._client.set_terminated(self._id)

    def _continue(self, run_id: str) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            self._client.update_run(run_id, status="RUNNING")
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False  # another server, or deleted there
            raise
        self._id = run_id
        return True

    def _begin(self) -> None:
        from mlflow.entities import Param

        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        found = self._client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else self._client.create_experiment(name)
        self._id = self._client.create_run(experiment, run_name=self._folder.name).info.run_id
        remember(self._folder, "mlflow", self._id)
        for some in _in_parts([Param(key, str(value)[:LONGEST_VALUE]) for key, value in self._settings.items()]):
            self._client.log_batch(self._id, params=some)

    def _known_step(self, name: str) -> int:
        if self._goes_on and name not in self._known_steps:
            history = self._client.get_metric_history(self._id, name)
            self._known_steps[name] = max((point.step for point in history), default=-1)
        return self._known_steps.get(name, -1)


def _in_parts(items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), PARAMETERS_AT_ONCE):
        yield items[start : start + PARAMETERS_AT_ONCE]
