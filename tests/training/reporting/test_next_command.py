"""What to type next means what was planned or trained."""

import sys

import pytest

from macaw_cli.training.processes import Processes
from macaw_cli.training.reporting.next_command import command_after, command_to_train


@pytest.mark.parametrize(
    ("typed", "count", "expected"),
    [("train --plan", 1, "train"), ("train --plan --config a/b.yaml --run x", 1, "train --config a/b.yaml --run x"),
     ("train data:2 --preset paper --plan", 8, "train data:2 --preset paper --gpus 8"),
     ("train --gpus=2 --plan", 2, "train --gpus=2"), ("quickstart", 1, "train")],
)  # fmt: skip
def test_the_planned_training_is_what_was_typed(monkeypatch, typed, count, expected):
    monkeypatch.setattr(sys, "argv", ["macaw", *typed.split()])
    assert command_to_train(Processes(count, "cuda")) == f"macaw {expected}"


def test_words_with_spaces_can_be_pasted(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["macaw", "train", "my data", "--plan"])
    assert command_to_train(Processes(2, "cpu")) == "macaw train 'my data'"


def trained(folder):
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "config.json").write_text("{}")
    return folder


def test_the_run_is_named_only_where_it_is_not_the_newest_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command_after(trained(tmp_path / "elsewhere" / "one")) == "macaw chat elsewhere/one"
    assert command_after(trained(tmp_path / "runs" / "two")) == "macaw chat"
    (tmp_path / "macaw.yaml").write_text("seed: wrong")
    assert command_after(tmp_path / "runs" / "two") == "macaw chat runs/two"
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert command_after(tmp_path / "runs" / "two") == f"macaw chat {tmp_path}/runs/two"


def test_a_dataset_with_held_out_questions_is_evaluated_first(world, tmp_path, monkeypatch):
    run = trained(tmp_path / "runs" / "one")
    (tmp_path / "macaw.yaml").write_text(f"dataset: {{out: {world}/dataset}}\n")
    monkeypatch.chdir(tmp_path)
    assert command_after(run) == "macaw evaluate"
    assert command_after(trained(tmp_path / "elsewhere" / "two")) == "macaw evaluate elsewhere/two"
