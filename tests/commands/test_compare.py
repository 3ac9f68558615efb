"""`macaw compare` as a user types it, on a tiny world."""

import json
import signal
import subprocess
import sys
import time

import pytest
from compared_runs import write_compared_run
from tiny_world import make_workspace, make_world
from typer.testing import CliRunner

from macaw_cli.basics.errors import (
    InputError,
    MacawError,
    MismatchError,
    MissingDependencyError,
    ResourceError,
    UsageError,
)
from macaw_cli.main import app

LIST = "linear,{name: frame-stack, stride: 3}"
RUNS = ["compare-linear-seed0", "compare-frame-stack-stride-3-seed0"]


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    return make_workspace(make_world(folder / "world"), folder / "workspace").root


def words(*more, bridges=LIST):
    return ["compare", "--bridges", bridges, "--budget", "3steps", "--set", "evaluation.generate=0",
            "--set", "training.checkpoint_every=1", *more]  # fmt: skip


def failure(space, monkeypatch, *typed):
    """The error of a command that is typed in the workspace."""
    monkeypatch.chdir(space)
    error = CliRunner().invoke(app, typed).exception
    assert isinstance(error, MacawError), error
    return error


@pytest.mark.timeout(900)
def test_killed_and_typed_again_it_keeps_what_is_finished_and_ends_with_table_and_page(space):
    command = [sys.executable, "-m", "macaw_cli", *words("--json")]
    killed = subprocess.Popen(command, cwd=space, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    first = space / "runs" / RUNS[0]
    while not list(first.glob("checkpoints/step-*/progress.json")):
        assert killed.poll() is None
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()

    done = subprocess.run(command, cwd=space, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert [design["name"] for design in content["designs"]] == ["linear", "frame-stack stride=3"]
    assert [run.rpartition("/")[2] for design in content["designs"] for run in design["runs"]] == RUNS
    linear, stacked = content["designs"]
    assert linear["soft_tokens"] == {"image": 4, "audio": 6, "video": 8}
    assert stacked["soft_tokens"] == {"image": 2, "audio": 2, "video": 4}
    assert linear["steps"] == stacked["steps"] == 3
    rows = [[json.loads(line) for line in (space / "runs" / name / "metrics.jsonl").read_text().splitlines()]
            for name in RUNS]  # fmt: skip
    examples = [[row["examples"] for row in one if "examples" in row] for one in rows]
    assert examples[0] == examples[1]  # the same conversations in each step
    assert linear["tokens"] > stacked["tokens"]
    assert stacked["difference"]["n"] == linear["quality"]["all with media"]["accuracy"]["n"] == 8
    assert content["warnings"] == []
    assert (space / "compare.html").read_text().count("<picture>") >= 5

    plan = subprocess.run([*command, "--plan"], cwd=space, capture_output=True, text=True, check=False)
    assert plan.returncode == 0, plan.stderr
    planned = json.loads(plan.stdout)
    assert planned["seconds"] == 0 and [(one["runs"], one["finished"]) for one in planned["designs"]] == [(1, 1)] * 2
    assert "Planning" not in plan.stderr

    before = {name: (space / "runs" / name / "summary.json").stat().st_mtime_ns for name in RUNS}
    again = CliRunner().invoke(app, words("--config", str(space), "--out", str(space / "compare.html")))
    assert again.exit_code == 0, again.output
    assert "frame-stack stride=3" in again.stdout and "macaw chat" in again.stdout
    assert before == {name: (space / "runs" / name / "summary.json").stat().st_mtime_ns for name in RUNS}


def test_a_smaller_comparison_replaces_neither_answers_nor_page(space, monkeypatch):
    kept = [space / "compare.html", *(space / "runs" / name / "evaluation/answers.jsonl" for name in RUNS)]
    before = [file.read_bytes() for file in kept]
    error = failure(space, monkeypatch, *words("--set", "evaluation.limit=1", "--plan"))
    assert isinstance(error, MismatchError)
    assert RUNS[0] in error.problem and "evaluation.limit=1" in error.hint and "--name" in error.hint
    assert isinstance(failure(space, monkeypatch, *words("--set", "evaluation.limit=1")), MismatchError)
    error = failure(space, monkeypatch, *words(bridges="linear"))
    assert isinstance(error, InputError) and RUNS[1] in error.problem and "--out" in error.hint
    assert isinstance(failure(space, monkeypatch, "compare", "--from", f"runs/{RUNS[1]}"), InputError)
    assert [file.read_bytes() for file in kept] == before


def test_finished_runs_with_other_settings_or_of_another_dataset_are_not_compared_as_the_same(space, monkeypatch):
    typed = [word if word != "3steps" else "4steps" for word in words()]
    assert isinstance(failure(space, monkeypatch, *typed), MismatchError)
    versions = space / "runs" / RUNS[0] / "versions.json"
    before = versions.read_text()
    content = json.loads(before)
    versions.write_text(json.dumps(content | {"identity": content["identity"] | {"dataset": "00" * 32}}))
    error = failure(space, monkeypatch, *words())
    versions.write_text(before)
    assert isinstance(error, MismatchError) and "another dataset" in error.problem


def test_a_design_that_cannot_be_is_a_row_and_the_exit_code_is_one(space, monkeypatch, capfd):
    typed = words("--out", "with-failure.html", bridges="linear,{name: macaw, heads: 5}")
    error = failure(space, monkeypatch, *typed)
    assert isinstance(error, ResourceError) and error.exit_code == 1 and "macaw heads=5" in error.problem
    assert "macaw heads=5" in (space / "with-failure.html").read_text()


@pytest.mark.parametrize(("typed", "kind", "named"), [
    (["--bridges", "mpl"], UsageError, "mlp"),
    (["--bridges", "{name: frame-stack, strid: 2}"], UsageError, "stride"),
    (["--bridges", "mlp", "--injections", "gated"], UsageError, "gated-cross-attention"),
    ([], UsageError, "--bridges"),
    (["--bridges", "mlp", "--budget", "3hours"], UsageError, "3hours"),
    (["--bridges", "mlp", "--set", "bridge.norm=true"], UsageError, "bridge.norm"),
    (["--bridges", "mlp", "--name", "a/b"], UsageError, "a/b"),
    (["--bridges", "mlp", "nowhere"], InputError, "nowhere"),
    (["--bridges", "mlp", "--set", "llm=nothing"], MissingDependencyError, "nothing"),
    (["--bridges", "mlp", "--gpus", "1", "--cpu-processes", "1"], UsageError, "--gpus"),
    (["--from", "dataset"], InputError, "dataset"),
    (["--from", "runs", "--bridges", "mlp"], UsageError, "--bridges"),
    (["--bridges", "mlp", "--out", "macaw.yaml"], InputError, "macaw.yaml"),
])  # fmt: skip
def test_a_wrong_input_is_one_clear_error_before_any_work(space, monkeypatch, typed, kind, named):
    before = sorted(path.name for path in (space / "runs").glob("*"))
    error = failure(space, monkeypatch, "compare", *typed)
    assert isinstance(error, kind)
    assert named in str(error)
    assert sorted(path.name for path in (space / "runs").glob("*")) == before


def test_runs_that_exist_are_compared_from_several_folders(tmp_path, monkeypatch):
    for name, bridge in (("a", "mlp"), ("b", "linear")):
        write_compared_run(tmp_path / name, bridge=bridge)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["compare", "--from", "a", "b", "--json"])
    assert done.exit_code == 0, done.output
    content = json.loads(done.stdout)
    assert [design["name"] for design in content["designs"]] == ["mlp", "linear"]
    assert content["html"] == "compare.html" and (tmp_path / "compare.html").is_file()
