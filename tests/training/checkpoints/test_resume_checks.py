"""What may change between two parts of a run, and what is refused with the difference shown."""

from dataclasses import replace
from pathlib import Path

import pytest

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.config.training_settings import AdapterSettings
from macaw_cli.training.checkpoints.resume_checks import (
    FREE_TO_CHANGE,
    require_continuable,
    require_convertible,
    require_same_plan,
    require_same_settings,
)
from macaw_cli.training.processes import Processes
from macaw_cli.training.run_folder import choose_run, write_versions
from macaw_cli.training.steps.progress import Progress

SETTINGS = parse_settings({"llm": "llm"}, "test")
IDENTITY = {"dataset": "one"}


@pytest.fixture
def run(tmp_path):
    folder = choose_run(Workspace(tmp_path, SETTINGS), resume=False).folder
    write_versions(folder, IDENTITY)
    return folder


def with_training(**changes):
    return replace(SETTINGS, training=replace(SETTINGS.training, **changes))


def check(run, settings=SETTINGS, processes=1, identity=IDENTITY, progress=None):
    require_continuable(run, settings, Processes(processes, "cpu"), identity, progress)


def test_what_does_not_change_the_model_may_change(run):
    check(run)
    check(run, with_training(log_every=3, checkpoint_every=7, evaluate_every=None, keep_checkpoints=9))
    check(run, with_training(max_skipped_steps=0, early_stopping=3, keep_best=True, model_from="best"))


def test_the_docs_list_what_may_change():
    page = (Path(__file__).parents[3] / "docs" / "checkpoints.md").read_text()
    listed = page.partition("These settings may change:")[2]
    assert [key for key in sorted(FREE_TO_CHANGE) if f"`{key}`" not in listed] == []


def test_a_changed_setting_is_shown_with_both_values(run):
    with pytest.raises(MismatchError, match=r"training.learning_rate.*0.1"):
        check(run, with_training(learning_rate=0.1))


def test_all_changes_are_told_at_once(run):
    with pytest.raises(MismatchError, match=r"0.*1.*training.sequence_length.*2048.*64"):
        check(run, replace(with_training(sequence_length=64), seed=1))


def test_changed_values_are_told_as_yaml_writes_them(run):
    changed = with_training(max_steps=9, offload=True, train=("bridge",), adapter=AdapterSettings(kind="lora"))
    with pytest.raises(MismatchError) as told:
        check(run, changed)
    for words in ("max_steps was null, is 9", "offload was false, is true", "adapter.kind was none, is lora",
                  "train was [bridge, begin_end_tokens, injection, llm], is [bridge]"):  # fmt: skip
        assert f"training.{words}" in told.value.problem
    assert told.value.problem.count(" was ") == 4
    assert "to train longer, start a new run with a higher training.epochs or training.max_steps" in told.value.hint


def test_a_dataset_may_be_named_or_be_the_default(run):
    check(run, with_training(datasets=("dataset",)))
    check(run, with_training(datasets=("./dataset/:1",)))
    with pytest.raises(MismatchError, match=r"training.datasets.*\['dataset:2'\]"):
        check(run, with_training(datasets=("dataset:2",)))


def test_a_finished_run_does_not_answer_for_another_training(run):
    run.summary_file.write_text("{}")
    require_same_settings(run, with_training(log_every=3))
    with pytest.raises(MismatchError, match=r"training\.max_steps"):
        require_same_settings(run, with_training(max_steps=3))


def test_another_zero_stage_is_refused_with_the_reason(run):
    with pytest.raises(MismatchError, match="optimizer"):
        check(run, with_training(zero_stage=2))


def test_another_dataset_is_refused(run):
    with pytest.raises(MismatchError, match=r"dataset.*one.*two"):
        check(run, identity={"dataset": "two"})


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_the_number_of_processes_may_change(tmp_path, stage):
    settings = with_training(zero_stage=stage)
    run = choose_run(Workspace(tmp_path, settings), resume=False).folder
    check(run, settings, processes=1, progress=Progress(step=4, world_size=2))


def test_under_zero_3_it_may_not_change_on_several_machines(run):
    processes = Processes(2, "cuda", elsewhere=1)
    require_convertible(run, 3, 2, processes)
    require_convertible(run, 2, 4, processes)
    with pytest.raises(MismatchError, match=r"4.*2.*3") as told:
        require_convertible(run, 3, 4, processes)
    assert "Continue with 4" in told.value.hint


def test_another_plan_of_the_same_data_is_refused(run):
    require_same_plan(run, "one", "one")
    with pytest.raises(MismatchError, match=r"versions\.json"):
        require_same_plan(run, "one", "two")
