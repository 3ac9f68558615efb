"""Whose questions a model is asked, and what becomes of the answers to other ones."""

import json
import shutil
from dataclasses import replace

import pytest

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.config.loading import Workspace
from macaw_cli.evaluation.asked_dataset import asked_dataset, dataset_of_evaluation
from macaw_cli.evaluation.run import evaluate_folder
from macaw_cli.evaluation.two_models import compare_two


@pytest.fixture
def copied(trained, tmp_path):
    """A workspace of its own with the run and its dataset; it names no dataset."""
    shutil.copytree(
        trained.path("runs/short"), tmp_path / "runs/short", ignore=shutil.ignore_patterns("evaluation")
    )
    shutil.copytree(trained.path(trained.settings.dataset.out), tmp_path / "mine")
    shutil.copytree(tmp_path / "mine", tmp_path / "dataset")
    lock = json.loads((tmp_path / "dataset/dataset.json").read_text())
    (tmp_path / "dataset/dataset.json").write_text(json.dumps(lock | {"hash": "0" * 64}))
    settings = replace(
        trained.settings, dataset=replace(trained.settings.dataset, out="dataset"),
        evaluation=replace(trained.settings.evaluation, generate=0),
    )  # fmt: skip
    return Workspace(tmp_path, settings)


def trained_with(workspace, datasets):
    file = workspace.path("runs/short/settings.yaml")
    lines = [line for line in file.read_text().splitlines() if not line.startswith("  datasets:")]
    at = lines.index("training:") + 1
    lines.insert(at, f"  datasets: {json.dumps(datasets)}")
    file.write_text("\n".join(lines) + "\n")


def asked(workspace, **evaluation):
    settings = replace(workspace.settings.evaluation, **evaluation)
    return replace(workspace, settings=replace(workspace.settings, evaluation=settings))


@pytest.mark.parametrize(
    ("datasets", "data", "expected"),
    [
        (["mine:2"], "", "mine"),
        (["gone", "mine"], "", "mine"),
        (["gone"], "", "dataset"),
        (["mine"], "dataset", "dataset"),
        (["s3://bucket/set", "mine"], "", "mine"),
    ],
)
def test_a_run_is_asked_about_what_it_was_trained_on(copied, datasets, data, expected):
    trained_with(copied, datasets)
    model = copied.path("runs/short/model")
    assert asked_dataset(asked(copied, data=data), model) == copied.path(expected)


def test_a_model_outside_a_run_is_asked_about_the_dataset_of_the_workspace(copied, tmp_path):
    assert asked_dataset(copied, tmp_path / "alone") == copied.path("dataset")


def test_an_evaluation_of_other_questions_is_kept_beside_the_new_one(copied, capsys):
    out = copied.path("runs/short/evaluation")
    trained_with(copied, ["mine"])
    few = asked(copied, limit=1)
    first = evaluate_folder(few, copied.path("runs/short"))
    assert first["data"] == "mine"
    before = {name: (out / name).read_bytes() for name in ("figures.json", "answers.jsonl", "reliance.png")}
    assert evaluate_folder(few, copied.path("runs/short")) == first
    assert not (out / "earlier-1").exists()

    other = evaluate_folder(asked(few, data="dataset"), copied.path("runs/short"))
    assert "evaluation/earlier-1" in capsys.readouterr().err
    assert {name: (out / "earlier-1" / name).read_bytes() for name in before} == before
    assert json.loads((out / "figures.json").read_text()) == other and other["data"] == "dataset"
    compared = compare_two(copied, out / "earlier-1", out)
    assert compared["overall"]["accuracy"]["difference"] == 0.0

    # a move that was killed goes on in the same place
    (out / "earlier-2").mkdir()
    (out / "answers.jsonl").rename(out / "earlier-2/answers.jsonl")
    evaluate_folder(few, copied.path("runs/short"))
    assert sorted(file.name for file in (out / "earlier-2").iterdir()) == sorted(before)
    assert {name: (out / name).read_bytes() for name in before} == before


def test_a_model_is_asked_the_questions_of_the_evaluation_that_it_is_compared_with(copied, capsys):
    run, out = copied.path("runs/short"), copied.path("runs/short/evaluation")
    evaluate_folder(asked(copied, data="mine", limit=1), run)
    shutil.copytree(out, copied.path("before"))
    compared = compare_two(copied, copied.path("before"), run)  # neither the workspace's dataset nor all its questions
    assert compared["overall"]["accuracy"]["difference"] == 0.0
    assert json.loads((out / "figures.json").read_text())["data"] == "mine"
    capsys.readouterr()
    with pytest.raises(MismatchError, match=r"before.*dataset"):
        compare_two(asked(copied, data="dataset"), copied.path("before"), run)
    assert "Evaluating" not in capsys.readouterr().err
    assert dataset_of_evaluation(copied, "an older one", {}, []) is None


def test_a_second_model_that_is_not_there_is_told_before_the_first_is_asked(copied, capsys):
    run = copied.path("runs/short")
    with pytest.raises(InputError, match="runs/shrt"):
        compare_two(copied, run, copied.path("runs/shrt"))
    assert "Evaluating" not in capsys.readouterr().err and not (run / "evaluation").exists()
