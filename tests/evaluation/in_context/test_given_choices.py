import json
import shutil
from dataclasses import replace

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.evaluation.in_context.given_choices import MOST_CHOICES, given_choices
from macaw_cli.evaluation.in_context.in_context import ask_in_context
from macaw_cli.evaluation.run import evaluate_folder
from macaw_cli.model.folder import load_model
from macaw_cli.shards.training_dataset import TrainingDataset


def write(tmp_path, content):
    file = tmp_path / "choices.txt"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_one_answer_a_line_without_repetitions(tmp_path):
    lists = given_choices(write(tmp_path, "\ufeffred\n\n light green \nred\n")).lists
    assert lists == {"*": ["red", "light green"]}


def test_a_json_object_has_a_list_for_each_pattern_of_kinds(tmp_path):
    lists = given_choices(write(tmp_path, json.dumps({"image/*": ["red"], "*": ["yes", "no"]}))).lists
    assert lists == {"image/*": ["red"], "*": ["yes", "no"]}


@pytest.mark.parametrize(("content", "told"), [
    ("\n \n", "without answers"), ('{"*": []}', "without answers"), ('{"*": "red"}', "lists"), ("{", "JSON"),
    (b"\xff\xfe", "UTF-8"), ("\n".join(map(str, range(MOST_CHOICES + 1))), "1,001"), (b"a" * (5 << 20), "4 MiB"),
])  # fmt: skip
def test_what_is_no_list_of_answers_is_refused(tmp_path, content, told):
    with pytest.raises(InputError, match=told):
        given_choices(write(tmp_path, content))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        given_choices(tmp_path / "nowhere")


def test_the_likeliest_of_the_list_is_the_answer_and_those_not_on_it_are_counted(trained, tmp_path):
    dataset = TrainingDataset(trained.path(trained.settings.dataset.out))
    model, processor = load_model(trained.path("runs/short/model"))
    plain, _ = ask_in_context(
        model.eval(), processor.encoder, dataset, replace(trained.settings.evaluation, generate=0), seed=0
    )
    free = [one for one in plain if not one.row.choices]
    known = free[0].answer
    given = given_choices(write(tmp_path, f"{known}\nblue blue green"))
    questions, figures = ask_in_context(
        model, processor.encoder, dataset, replace(trained.settings.evaluation, generate=0), 0, given
    )
    assert figures["given_choices"] == {
        "questions": len(free), "unlisted": sum(one.answer not in given.lists["*"] for one in free)
    }  # fmt: skip
    asked = {one.row.id: one for one in questions}
    first = asked[free[0].row.id]
    assert first.right["real"] == (first.scores["real"][0] == max(first.scores["real"]))
    assert first.likelihood["real"] == pytest.approx(free[0].likelihood["real"], rel=1e-4)
    assert all(asked[one.row.id].row.choices == one.row.choices for one in plain if one.row.choices)


def test_the_file_is_read_before_the_model(trained, tmp_path):
    settings = replace(trained.settings.evaluation, choices=str(tmp_path / "nowhere.txt"))
    workspace = replace(trained, settings=replace(trained.settings, evaluation=settings))
    with pytest.raises(InputError, match="nowhere"):
        evaluate_folder(workspace, tmp_path / "no model")


def test_the_setting_names_a_file_of_the_workspace(trained, tmp_path):
    file = write(tmp_path, "red\nblue")
    settings = replace(trained.settings.evaluation, choices=str(file), limit=1, generate=0)
    workspace = replace(trained, settings=replace(trained.settings, evaluation=settings))
    shutil.copytree(trained.path("runs/short"), tmp_path / "short")
    figures = evaluate_folder(workspace, tmp_path / "short")
    assert (tmp_path / "short/evaluation/choices/figures.json").is_file()
    assert figures["given_choices"]["questions"] == 1
    assert figures["text"]["with_choices"] == 1
