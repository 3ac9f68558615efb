"""`macaw train` as a user types it: files, lines and exit codes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml
from tiny_world import make_workspace, make_world
from typer.testing import CliRunner

from macaw_cli.basics.errors import MacawError
from macaw_cli.main import app


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("train-command-world"))


def macaw(folder, *options, **popen):
    command = [sys.executable, "-m", "macaw_cli", "train", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, env=os.environ | {"OMP_NUM_THREADS": "1"}, **pipes, **popen)


def run(folder, *options):
    process = macaw(folder, *options)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def here(*options):
    """The command in this process, which has imported everything already; what it prints as its result."""
    done = CliRunner().invoke(app, ["train", *options], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_train_writes_a_run_and_says_what_comes_next(world, tmp_path):
    make_workspace(world, tmp_path)
    code, out, err = run(tmp_path, "--bridge", "mlp", "--max-steps", "3", "--set", "training.log_every=2")
    assert code == 0, err
    assert re.fullmatch(r"Trained .*runs/mlp-1 in 3 steps\. Next: macaw (evaluate|chat)\n", out)
    assert json.loads((tmp_path / "runs" / "mlp-1" / "summary.json").read_text())["steps"] == 3
    rows = [json.loads(line) for line in (tmp_path / "runs" / "mlp-1" / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "loss" in row] == [2, 3]
    noise = [line for line in err.splitlines() if re.search(r"warn|deepspeed|ld:|\[20\d\d-", line, re.IGNORECASE)]
    assert noise == []


def test_sigint_saves_and_ends_with_130_and_a_second_training_is_locked_out(world, tmp_path, monkeypatch):
    make_workspace(world, tmp_path, epochs=500, max_steps=2000, checkpoint_every=5000)
    process = macaw(tmp_path)
    log = tmp_path / "runs" / "linear-1" / "metrics.jsonl"
    deadline = time.monotonic() + 90
    while not (log.exists() and log.stat().st_size):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MacawError, match=rf"{process.pid}"):
        here("--resume")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "a checkpoint is saved" in err
    assert "macaw train --resume" in err
    assert "Traceback" not in err
    assert len(list((tmp_path / "runs" / "linear-1" / "checkpoints").glob("step-*"))) == 1


def test_too_many_gpus_is_one_line_and_no_run(world, tmp_path):
    make_workspace(world, tmp_path)
    code, out, err = run(tmp_path, "--gpus", "64")
    assert (code, out) == (1, "")
    assert re.search(r"`--gpus 64` requested, .*\n  Use `--", err)
    assert not (tmp_path / "runs").exists()


def test_a_missing_llm_is_wrong_usage(world, tmp_path):
    make_workspace(world, tmp_path)
    code, _, err = run(tmp_path, "--set", "llm=")
    assert code == 2
    assert "--llm" in err


def test_several_datasets_presets_and_names_are_options_and_json_is_one_object(world, tmp_path, monkeypatch):
    make_workspace(world, tmp_path)
    twice = tmp_path / "twice"
    shutil.copytree(world / "dataset", twice)
    monkeypatch.chdir(tmp_path)
    options = ["--run", "both", "--max-steps", "2", "--json", "--set", "training.zero_stage=2"]
    assert json.loads(here(f"{world / 'dataset'}:0.5", "twice:1.5", *options))["run"] == "both"
    settings = yaml.safe_load((tmp_path / "runs" / "both" / "settings.yaml").read_text())
    assert settings["training"]["datasets"] == [f"{world / 'dataset'}:0.5", "twice:1.5"]
    few = [f"--set=bridge.{modality}_tokens=2" for modality in ("image", "audio", "video")]
    few += ["--set", "training.precision=fp16"]  # so that nothing is measured, which takes long
    plan = json.loads(here("twice", "--plan", "--preset", "quickstart", "--json", "--cpu-processes", "2", *few))
    assert plan["stages"][0]["datasets"] == [{"folder": "twice", "conversations": 60, "weight": 1.0}]
    assert plan["processes"] == {"count": 2, "device": "cpu"}
    assert [path.name for path in (tmp_path / "runs").iterdir() if path.name[0] != "."] == ["both"]


def test_a_wrong_weight_is_wrong_usage(world, tmp_path):
    make_workspace(world, tmp_path)
    code, _, err = run(tmp_path, "dataset:0")
    assert code == 2
    assert "The weight of the dataset dataset must be above 0" in err


def test_options_that_cannot_go_together_are_wrong_usage(world, tmp_path):
    make_workspace(world, tmp_path)
    code, out, err = run(tmp_path, "--plan", "--resume")
    assert (code, out) == (2, ""), err
    assert "--plan and --resume" in err
    assert not (tmp_path / "runs").exists()
