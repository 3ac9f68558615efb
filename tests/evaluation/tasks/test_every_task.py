"""What every task promises, checked on tiny files in its published form; the rows are in tests/every_task.py."""

import json
import math
import shutil
from pathlib import Path

import pytest
from every_task import EVERY_TASK, settings_of

from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.config.tasks.table import BUILT_IN
from macaw_cli.evaluation.tasks.item import Answered
from macaw_cli.evaluation.tasks.running.reading import read_items
from macaw_cli.evaluation.tasks.running.registry import open_task, task_class
from macaw_cli.evaluation.tasks.running.run import evaluate_tasks
from macaw_cli.modalities.table import MODALITIES

CONDITIONS = ["real", "none", "told", "swapped"]
NAMES = list(EVERY_TASK)
WITHOUT_MEDIA = {"realtoxicityprompts"}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The files of every task, in a folder each."""
    folder = tmp_path_factory.mktemp("published")
    for name, row in EVERY_TASK.items():
        (folder / name).mkdir()
        row.write(folder / name)
    return folder


@pytest.fixture(scope="module")
def asked(published, workspace_folder, tmp_path_factory):
    """What a tiny model was found to answer, and its run."""
    root = tmp_path_factory.mktemp("asked")
    shutil.copytree(workspace_folder / "runs", root / "runs")
    (root / "models").symlink_to(workspace_folder / "models")
    tasks = [
        {**row.section(name, published / name), "conditions": CONDITIONS, "max_new_tokens": 2}
        for name, row in EVERY_TASK.items()
    ]
    settings = parse_settings({"evaluation": {"tasks": tasks, "device": "cpu"}}, "test")
    return evaluate_tasks(Workspace(root, settings), None), root / "runs" / "tiny" / "evaluation" / "tasks"


def opened(name, published, **options):
    folder = published / name
    return open_task(settings_of(name, folder, **options), Workspace(folder, parse_settings({}, "test")))


def items_of(name, published, scratch):
    return read_items(opened(name, published), None, Path(scratch))


def test_every_task_of_macaw_has_a_row():
    assert {row.name for row in BUILT_IN} == EVERY_TASK.keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_task_tells_where_its_files_come_from(name):
    about = task_class(name).about
    assert all((about.what, about.paper, about.data, about.licence, about.files, about.figures))
    assert "https://" in about.data


@pytest.mark.parametrize("name", NAMES)
def test_the_published_files_are_read_whole(name, published, tmp_path):
    read = items_of(name, published, tmp_path)
    assert read.rejects == []
    ids = [item.id for item in read.items]
    assert sorted(ids) == sorted(EVERY_TASK[name].said)
    for item in read.items:
        assert item.messages[-1]["role"] == "user"
        assert all(medium.modality in MODALITIES and medium.path.is_file() for medium in item.media)
        assert not item.choices or item.reference in item.choices or not item.references
        assert not item.options or len(item.options) == len(item.choices)


@pytest.mark.parametrize("name", NAMES)
def test_the_figures_are_those_of_the_official_scorer(name, published, tmp_path):
    task, row = opened(name, published), EVERY_TASK[name]
    items = read_items(task, None, tmp_path).items
    figures = task.figures([Answered(item, row.said[item.id]) for item in items])
    for key, value in row.figures.items():
        assert math.isclose(value_at(figures, key), value, abs_tol=1e-9), key


@pytest.mark.parametrize("name", NAMES)
def test_a_limit_counts_the_items_of_each_kind_or_their_clusters(name, published, tmp_path):
    every = items_of(name, published, tmp_path).items
    some = read_items(opened(name, published), 1, tmp_path).items
    assert {item.kind for item in some} == {item.kind for item in every}
    assert all(len({one.cluster_id for one in some if one.kind == item.kind}) == 1 for item in some)
    whole = {item.cluster_id for item in some}
    assert len(some) == sum(item.cluster_id in whole for item in every)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_asked_under_all_conditions(name, asked, published, tmp_path):
    report = asked[0]["tasks"][name]
    assert list(report["conditions"]) == CONDITIONS
    answers = len(EVERY_TASK[name].said)
    rotated = len({item.cluster_id for item in items_of(name, published, tmp_path).items})
    assert report["conditions"]["real"]["n"] == (rotated if name == "mmbench" else answers)
    assert all(report["score"] in figures for figures in report["conditions"].values())
    if name in WITHOUT_MEDIA:
        assert report["paired"] == 0
        return
    assert report["paired"] >= 1
    low, high = report["ci95"]
    assert low <= report["reliance"] <= high


@pytest.mark.parametrize("name", NAMES)
def test_figures_and_answers_are_written_to_the_run(name, asked):
    found, written = asked
    assert json.loads((written / name / "figures.json").read_text()) == found["tasks"][name]
    rows = [json.loads(line) for line in (written / name / "answers.jsonl").read_text().splitlines()]
    assert {row["id"] for row in rows} == EVERY_TASK[name].said.keys()
    assert all({"real", "none"} <= row["answers"].keys() == row["scores"].keys() for row in rows)


def value_at(figures, key):
    for name in key.split("."):
        figures = figures[name]
    return figures
