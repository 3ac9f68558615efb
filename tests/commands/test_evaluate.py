"""`macaw evaluate` as a user types it, on the shipped tiny checkpoints' own small world."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_world import make_workspace, make_world


def macaw(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "macaw_cli", *words], cwd=cwd, capture_output=True, text=True)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Path:
    from macaw_cli.training.run import train

    folder = tmp_path_factory.mktemp("evaluate")
    made = make_workspace(make_world(folder / "world"), folder / "workspace", name="short", max_steps=3)
    train(made)
    return made.root


def test_json_is_the_only_thing_on_stdout_and_holds_the_promised_figures(workspace):
    dataset = str(workspace.parent / "world/dataset")
    done = macaw("evaluate", "--json", "--data", dataset, cwd=workspace)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["model"] == "runs/short/model"
    assert figures["version"] == 2
    for modality, verdict in figures["verdict"].items():
        assert re.search(rf"uses? its {modality}", verdict["text"])
        assert verdict["category"] in ("used", "partly", "not_used", "unknown")
        assert verdict["remedies"]  # after three steps
    assert figures["verdict"].keys() == figures["modalities"].keys()
    for measured in [*figures["modalities"].values(), *figures["kinds"].values(), figures["overall"]]:
        assert {"n", "real", "none", "told", "swapped", "chance", "reliance", "ci95", "retention", "gap", "gap_ci95",
                "preference", "preference_ci95"} <= measured.keys()  # fmt: skip


def test_the_table_names_every_kind(workspace):
    done = macaw(
        "evaluate", "runs/short", "--data", str(workspace.parent / "world/dataset"), "--limit", "2", "--config", ".",
        cwd=workspace,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(
        name in done.stdout for name in ("image/colour", "audio/colour", "video/colour", "text only", "reliance")
    )
    assert "too few questions to tell whether the model uses its image" in done.stdout
    assert "greedy match" in done.stdout  # of the questions without choices
    assert done.stdout.rstrip().endswith("Next: macaw chat --config ., or macaw export --config .")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["runs/other"], "runs/other"),
        (["--data", "nowhere"], "nowhere"),
        (["--set", "evaluation.limt=3"], "evaluation.limit"),
        (["--limit", "0"], "evaluation.limit"),
        (["--fail-under", "reliance"], "--fail-under"),
        (["--task", "pope:x", "--fail-under", "pope.rael.accuracy=0.3"], "pope. and real"),
        (["--task", "pope:x", "--set", "evaluation.shots=2"], "--set evaluation.shots=0"),
        (["--task", "pope:x", "--set", "evaluation.choices=a.txt"], "--set evaluation.choices="),
        (["--task", "pope:x", "--set", "evaluation.judge.model=m"], "--set evaluation.judge.model="),
        (["--task", "pope:x", "--set", "evaluation.reasoning=one-prompt"], "--set evaluation.reasoning=none"),
    ],
)
def test_a_wrong_input_is_one_clear_message(workspace, words, message):
    done = macaw("evaluate", *words, cwd=workspace)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_a_figure_below_its_threshold_is_exit_code_1_after_everything_is_printed_and_written(workspace):
    dataset = str(workspace.parent / "world/dataset")
    words = ["evaluate", "runs/short", "--data", dataset, "--limit", "2"]
    written = workspace / "runs/short/evaluation/figures.json"
    written.unlink(missing_ok=True)
    failed = macaw(*words, "--json", "--fail-under", "n=1", "--fail-under", "audio.reliance=1", cwd=workspace)
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["modalities"] == json.loads(written.read_text())["modalities"]
    assert re.search(r"audio\.reliance is .*, below 1", failed.stderr)
    assert "Traceback" not in failed.stderr
