"""W&B and MLflow, the real ones, offline: what arrives there, also after a resume, and what goes wrong in silence."""

import json
import os
import threading
import time

import pytest

from macaw_cli.basics.errors import MissingDependencyError
from macaw_cli.training.reporting import trackers
from macaw_cli.training.reporting.metrics import MetricsLog
from macaw_cli.training.reporting.trackers import TrackerThread, require_trackers
from macaw_cli.training.run_folder import RunFolder

ROWS = [{"step": 10, "loss": 2.0}, {"step": 10, "validation": {"loss": 1.5}}, {"step": 20, "loss": 1.0}]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run's folder, with its settings, and no setting of the machine's own."""
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "WANDB_"))]:
        monkeypatch.delenv(name)
    folder = RunFolder(tmp_path / "runs/first")
    folder.path.mkdir(parents=True)
    folder.settings_file.write_text("training: {epochs: 3.0, template: alpaca}\n")
    return folder


def write_rows(run, rows, tracker, first_step=0):
    with MetricsLog(run, first_step, [tracker]) as log:
        for row in rows:
            log.write(row)


@pytest.fixture
def mlflow_client(run, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=(run.path.parent / ".mlruns").as_uri())


def test_mlflow_gets_every_figure_and_the_settings(run, mlflow_client):
    write_rows(run, [*ROWS, {"step": 30, "validation": {"kinds": {"colour (dark)": {"real": 0.5}}}}], "mlflow")
    (found,) = mlflow_client.search_runs([mlflow_client.get_experiment_by_name("macaw").experiment_id])
    assert (found.info.run_name, found.info.status) == ("first", "FINISHED")
    assert found.data.params == {"training.epochs": "3.0", "training.template": "alpaca"}
    last = {"loss": 1.0, "validation/loss": 1.5, "validation/kinds/colour _dark_/real": 0.5}
    assert found.data.metrics == last


def test_a_resume_goes_on_in_the_same_mlflow_run_without_a_figure_twice(run, mlflow_client):
    write_rows(run, ROWS, "mlflow")
    write_rows(run, [{"step": 20, "loss": 1.0}, {"step": 30, "loss": 0.5}], "mlflow", first_step=10)
    run_id = json.loads((run.path / "trackers.json").read_text())["mlflow"]
    history = [(point.step, point.value) for point in mlflow_client.get_metric_history(run_id, "loss")]
    assert history == [(10, 2.0), (20, 1.0), (30, 0.5)]


def test_a_run_that_mlflow_does_not_know_begins_anew_there(run, mlflow_client):
    write_rows(run, ROWS, "mlflow")
    (run.path / "trackers.json").write_text(json.dumps({"mlflow": "0" * 32}))
    write_rows(run, [{"step": 30, "loss": 0.5}], "mlflow", first_step=20)
    run_id = json.loads((run.path / "trackers.json").read_text())["mlflow"]
    assert [point.step for point in mlflow_client.get_metric_history(run_id, "loss")] == [10, 20, 30]


def test_wandb_gets_every_figure_and_a_resume_has_the_same_id(run, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    write_rows(run, ROWS, "wandb")
    run_id = json.loads((run.path / "trackers.json").read_text())["wandb"]
    write_rows(run, [{"step": 30, "loss": 0.5}], "wandb", first_step=20)
    written = list((run.path / "wandb").glob(f"offline-run-*/run-{run_id}.wandb"))
    assert len(written) == 2
    content = b"".join(file.read_bytes() for file in written)
    assert b"validation" in content
    assert b"template" in content


def test_without_a_network_wandb_keeps_its_figures_for_later(run, monkeypatch, capsys):
    pytest.importorskip("wandb")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    write_rows(run, ROWS, "wandb")
    assert "`wandb sync`" in capsys.readouterr().err
    assert list((run.path / "wandb").glob("offline-run-*/*.wandb"))


def test_a_server_is_not_asked_where_no_network_is_wanted(run, monkeypatch, capsys):
    pytest.importorskip("mlflow")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://tracking.example")
    write_rows(run, ROWS, "mlflow")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("mlflow receives no more metrics of this run (HF_HUB_OFFLINE=1 is set")


class Broken:
    """A service that fails at its second figure."""

    def __init__(self):
        self.seen = []

    def open(self):
        pass

    def write(self, step, scalars):
        self.seen.append(step)
        if len(self.seen) == 2:
            raise ConnectionError("the server is gone\nsecond line")

    def close(self):
        raise AssertionError("nothing is left to close")


def test_a_tracker_that_fails_is_told_once_and_left_alone(capsys):
    broken = Broken()
    thread = TrackerThread("broken", broken)
    for step in range(5):
        thread.write(step, {"loss": 1.0})
    thread.close()
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "broken receives no more metrics of this run (the server is gone); metrics.jsonl has them all."
    assert broken.seen == [0, 1]


class Hanging:
    """A service that never answers."""

    def __init__(self):
        self.released = threading.Event()

    def open(self):
        self.released.wait()


def test_a_tracker_that_hangs_costs_a_step_nothing_and_the_end_little(capsys, monkeypatch):
    monkeypatch.setattr(trackers, "GRACE_S", 0.1)
    hanging = Hanging()
    thread = TrackerThread("hanging", hanging)
    started = time.perf_counter()
    for step in range(1000):
        thread.write(step, {"loss": 1.0})
    assert time.perf_counter() - started < 0.5
    thread.close()
    assert "hanging did not accept" in capsys.readouterr().err
    hanging.released.set()


def test_a_tracker_that_is_not_installed_is_refused_with_what_to_install():
    with pytest.raises(MissingDependencyError, match="no_such_tracker") as caught:
        require_trackers(["no_such_tracker"])
    assert "pip install 'macaw-cli[no_such_tracker]'" in caught.value.hint


def test_a_missing_tracker_is_told_before_a_run_is_begun(workspace, monkeypatch):
    from macaw_cli.training.run import train

    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda name: None)
    place = workspace(trackers=["mlflow"])
    with pytest.raises(MissingDependencyError, match="mlflow"):
        train(place)
    assert not (place.root / "runs").exists()
