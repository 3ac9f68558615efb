"""`macaw build-dataset` as a user types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_store import make_store, question, write_rows

from macaw_cli.basics.locks import folder_lock
from macaw_cli.shards.training_dataset import TrainingDataset


@pytest.fixture
def macaw(tmp_path):
    """`macaw(words...)` runs in a workspace with features of ten images and three files of conversations."""
    make_store(tmp_path / "features", [f"images/{n}.png" for n in range(10)])
    write_rows(tmp_path / "c.jsonl", [question(f"images/{n}.png") for n in range(10)])
    alpaca = [{"instruction": f"Say {n}.", "input": "", "output": f"{n}"} for n in range(30)]
    (tmp_path / "alpaca.json").write_text(json.dumps(alpaca))
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A shape."}]
    llava = [{"id": f"l{n}", "image": f"{n}.png", "conversations": turns} for n in range(10)]
    (tmp_path / "llava.json").write_text(json.dumps(llava))
    (tmp_path / "macaw.yaml").write_text("version: 1\ndataset: {sources: ['jsonl:c.jsonl'], val_fraction: 0.2}\n")

    def run(*words, folder=tmp_path):
        command = [sys.executable, "-m", "macaw_cli", "build-dataset", *words]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)

    return run


def test_three_formats_become_one_dataset(tmp_path, macaw):
    sources = ["--source", "jsonl:c.jsonl", "--source", "alpaca:alpaca.json#20", "--source", "llava:llava.json"]
    done = macaw(*sources, "--out", "mixed")
    assert done.returncode == 0, done.stderr
    dataset = TrainingDataset(tmp_path / "mixed")
    assert len(dataset) == 40
    assert done.stdout.splitlines()[-1].endswith("Next: macaw train mixed")
    assert "Writing samples" in done.stderr
    shards = ["null-000000.tar", "train-000000.tar", "val-000000.tar"]
    names = {path.name for path in (tmp_path / "mixed").iterdir()}
    rows = {"index.jsonl", "leaks.jsonl", "rejects.jsonl"}
    assert names == {".macaw.lock", "README.md", "dataset.json", *rows, *shards}


def test_the_bare_command_takes_everything_from_the_workspace_and_is_done_once(tmp_path, macaw):
    assert "is ready: 8 conversations to train on, 2 held out" in macaw().stdout
    again = macaw()
    assert (again.returncode, again.stderr) == (0, "")
    assert "is up to date" in again.stdout


def test_typed_paths_are_those_of_the_shell_also_for_a_workspace_elsewhere(tmp_path, macaw):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_rows(elsewhere / "mine.jsonl", [question(f"images/{n}.png") for n in range(5)])
    done = macaw("--config", "../macaw.yaml", "--source", "jsonl:mine.jsonl#4", "--out", "here", folder=elsewhere)
    assert done.returncode == 0, done.stderr
    assert len(TrainingDataset(elsewhere / "here")) == 4


def test_a_plan_prints_and_writes_nothing(tmp_path, macaw):
    done = macaw("--plan", "--limit", "4")
    assert done.returncode == 0
    assert "Would write 4 conversations" in done.stdout
    assert not (tmp_path / "dataset").exists()


def test_too_many_rejects_are_exit_code_1_with_the_reason_and_the_file(tmp_path, macaw):
    write_rows(tmp_path / "c.jsonl", [question("images/0.png"), question("images/1.png"), question("lost.png")])
    done = macaw()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2].startswith("Error: 1 of 3 conversations (33.3%)")
    assert "lost.png" in done.stderr
    assert "rejects.jsonl" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert len(TrainingDataset(tmp_path / "dataset")) == 2
    assert macaw("--max-reject-ratio", "0.5").returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--source", "lava:c.jsonl"], 2, "Did you mean llava:c.jsonl?"),
        (["--source", "jsonl:none.jsonl"], 1, "There is no file"),
        (["--source", "jsonl:macaw.yaml"], 1, "is not JSON"),
        (["--features", "nowhere"], 1, "nowhere is not a feature store"),
        (["--set", "dataset.val_fracton=0.1"], 2, "did you mean `dataset.val_fraction`"),
        (["--limit", "0"], 2, "--limit"),
        (["--max-price", "3"], 2, "No such option"),
        (["--max-cost", "3"], 2, "--generate"),
        (["--want", "yes-no"], 2, "--want"),
        (["--generate", "--plan"], 2, "generation.model"),
        (["--generate", "--model", "x", "--want", "yes_no=3"], 2, "yes-no"),
        (["--probe", "3"], 2, "--generate"),
        (["--generate", "--probe", "3", "--model", "gpt-4o-mini"], 2, "--plan"),
    ],
)
def test_mistakes_are_told_in_a_line_or_two(macaw, words, code, message):
    done = macaw(*words)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_second_writer_is_refused_and_told_who_the_first_is(tmp_path, macaw):
    with folder_lock(tmp_path / "dataset"):
        done = macaw()
    assert done.returncode == 1
    assert f"(process {os.getpid()} on" in done.stderr
