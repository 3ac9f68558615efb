"""What a model was trained on is that of its run, whatever it is asked about."""

import shutil
from dataclasses import replace

import pytest
import yaml
from tiny_world import settings_tree

from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.dataset.build import build_dataset
from macaw_cli.evaluation.training_examples import training_examples
from macaw_cli.shards.joined_datasets import joined
from macaw_cli.shards.training_dataset import TrainingDataset


@pytest.fixture
def run(trained):
    return trained.path("runs/short")


@pytest.fixture(scope="module")
def other(trained, tmp_path_factory):
    """A smaller dataset of the same world."""
    world = trained.path(trained.settings.dataset.out).parent
    tree = settings_tree()
    tree["dataset"] = {
        "sources": [f"jsonl:{world / 'questions.jsonl'}"], "val_fraction": 0.5,
        "out": str(tmp_path_factory.mktemp("other") / "dataset"),
    }  # fmt: skip
    build_dataset(Workspace(world, parse_settings(tree, "test")))
    return TrainingDataset(tree["dataset"]["out"])


def ids(rows):
    return sorted(row.id for row in rows)


def test_the_examples_are_those_of_the_run_whatever_dataset_is_asked(trained, run, other):
    own = TrainingDataset(trained.path(trained.settings.dataset.out))
    assert len(own.conversations("train")) > len(other.conversations("train"))
    for asked in (own, other):
        assert ids(training_examples(run, trained, asked)) == ids(own.conversations("train"))


def test_several_datasets_of_stages_are_all_counted(trained, run, other, tmp_path):
    own = TrainingDataset(trained.path(trained.settings.dataset.out))
    copied = tmp_path / "run"
    copied.mkdir()
    tree = yaml.safe_load((run / "settings.yaml").read_text())
    names = [f"{other.folder}:2", str(own.folder)]
    tree["training"]["stages"] = [{"name": "a", "datasets": names}, {"name": "b", "datasets": None}]
    (copied / "settings.yaml").write_text(yaml.safe_dump(tree))
    both = joined([TrainingDataset(other.folder), TrainingDataset(own.folder, 1)])
    (copied / "versions.json").write_text(f'{{"version": 1, "identity": {{"dataset": "{both.hash}"}}}}')
    assert len(training_examples(copied, trained, other)) == len(both.conversations("train"))


@pytest.mark.parametrize("lost", ["settings.yaml", "versions.json", "dataset"])
def test_nothing_is_told_where_it_is_not_there_any_more(trained, run, other, lost, tmp_path):
    copied = tmp_path / "run"
    shutil.copytree(run, copied, ignore=shutil.ignore_patterns("checkpoints", "model"))
    workspace = trained
    if lost == "dataset":
        tree = yaml.safe_load((copied / "settings.yaml").read_text())
        tree["dataset"]["out"] = "gone"
        (copied / "settings.yaml").write_text(yaml.safe_dump(tree))
        workspace = replace(trained, root=tmp_path)
    else:
        (copied / lost).unlink()
    assert training_examples(copied, workspace, other) == []
