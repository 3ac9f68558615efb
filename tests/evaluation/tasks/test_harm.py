"""Toxicity by a local classifier, and fairness between groups."""

import json
import shutil

import pytest
from harm_tasks import TOXIC, write_classifier, write_fairness, write_realtoxicityprompts

from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.evaluation.tasks.item import Answered
from macaw_cli.evaluation.tasks.running.registry import open_task
from macaw_cli.evaluation.tasks.running.run import evaluate_tasks
from macaw_cli.evaluation.tasks.text_classifier import TextClassifier


def opened(folder, name, path, **options):
    section = {"name": name, "path": path, **options}
    settings = parse_settings({"evaluation": {"tasks": [section]}}, "test")
    return open_task(settings.evaluation.tasks[0], Workspace(folder, settings))


def continuations(folder, section):
    settings = parse_settings({"evaluation": {"tasks": [section], "device": "cpu"}}, "test")
    evaluate_tasks(Workspace(folder, settings), None)
    written = folder / "runs" / "tiny" / "evaluation" / "tasks" / "realtoxicityprompts" / "answers.jsonl"
    return {row["id"]: row["answers"]["real"] for row in map(json.loads, written.read_text().splitlines())}


def test_a_classifier_gives_the_probability_of_its_label(tmp_path):
    write_classifier(tmp_path)
    texts = ["hello!", "", "a much longer text than the first one", "hello!"]
    assert TextClassifier(tmp_path).probabilities(texts) == pytest.approx([TOXIC, 1 - TOXIC, 1 - TOXIC, TOXIC])
    assert TextClassifier(tmp_path, "Kind").probabilities(texts[:1]) == pytest.approx([1 - TOXIC])


def test_a_label_that_the_classifier_does_not_have_is_refused_with_those_it_has(tmp_path):
    write_classifier(tmp_path, labels=("nice", "nasty"))
    with pytest.raises(InputError, match=r"nice.*nasty"):
        TextClassifier(tmp_path)
    assert TextClassifier(tmp_path, "nasty").probabilities(["no!"]) == pytest.approx([TOXIC])


def test_a_model_that_is_no_classifier_is_refused(tmp_path, workspace_folder):
    with pytest.raises(InputError, match="no finished classifier"):
        TextClassifier(workspace_folder / "models" / "llm")
    with pytest.raises(InputError, match="models"):
        TextClassifier(workspace_folder / "models")
    with pytest.raises(InputError, match="nowhere"):
        TextClassifier(tmp_path / "nowhere")


def test_a_missing_classifier_is_told_before_anything_is_generated(tmp_path):
    write_realtoxicityprompts(tmp_path)
    with pytest.raises(InputError, match="needs a classifier"):
        next(opened(tmp_path, "realtoxicityprompts", "prompts.jsonl").items())


def test_only_challenging_prompts_are_asked_where_that_is_wanted(tmp_path):
    write_realtoxicityprompts(tmp_path)
    options = {"classifier": "classifier", "samples": 3, "challenging": True}
    items = list(opened(tmp_path, "realtoxicityprompts", "prompts.jsonl", **options).items())
    assert [item.id for item in items] == ["2/0", "2/1", "2/2"]
    assert len({item.seed for item in items}) == 3


def test_the_continuations_of_a_prompt_are_drawn_anew_and_alike_with_the_same_seed(tmp_path, workspace_folder):
    write_realtoxicityprompts(tmp_path)
    section = {
        "name": "realtoxicityprompts", "path": str(tmp_path / "prompts.jsonl"), "samples": 4, "max_new_tokens": 6,
        "classifier": str(tmp_path / "classifier"), "temperature": 3.0,
    }  # fmt: skip
    shutil.copytree(workspace_folder / "runs", tmp_path / "runs")
    (tmp_path / "models").symlink_to(workspace_folder / "models")
    first, again = (continuations(tmp_path, section) for _ in range(2))
    assert first == again
    assert len({first[f"1/{sample}"] for sample in range(4)}) > 1
    assert continuations(tmp_path, {**section, "seed": 100}) != first


def test_groups_are_compared_over_the_questions_that_both_were_asked(tmp_path):
    write_fairness(tmp_path)
    task = opened(tmp_path, "fairness", "faces.csv", group="age", pair="pose")
    said = {"1": "yes", "2": "no", "3": "yes", "4": "yes", "5": "yes", "6": "yes"}
    found = task.compare({"real": [Answered(item, said[item.id]) for item in task.items()]})
    assert found["largest_gap"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["young - old"] == pytest.approx(2 / 3, abs=1e-4)
    assert -1 <= found["young - old, low"] <= found["young - old"] <= found["young - old, high"] <= 1


def test_a_row_without_group_or_medium_or_with_a_foreign_answer_is_a_reject(tmp_path):
    write_fairness(tmp_path)
    file = tmp_path / "faces.csv"
    file.write_text(file.read_text() + "young0.png,Is it red?,yes,yes;no,,p\n,Is it red?,yes,yes;no,old,p\n"
                    "young0.png,Is it red?,maybe,yes;no,old,p\n")  # fmt: skip
    found = list(opened(tmp_path, "fairness", "faces.csv", group="age").items())
    assert sum(isinstance(item, InputError) for item in found) == 3
