"""Names of figures are known before a model is loaded."""

import shutil
from dataclasses import replace

import pytest

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.loading import Workspace
from macaw_cli.evaluation.evaluate import figures_of
from macaw_cli.evaluation.expected_figures import require_known_figures, unanswered
from macaw_cli.evaluation.figures.thresholds import NO_FIGURES, named_figures, thresholds_of
from macaw_cli.evaluation.in_context.given_choices import GivenChoices
from macaw_cli.evaluation.run import evaluate_folder, evaluation_of
from macaw_cli.evaluation.two_models import compare_two
from macaw_cli.shards.training_dataset import TrainingDataset


def asked(workspace: Workspace, **settings) -> Workspace:
    evaluation = replace(workspace.settings.evaluation, **settings)
    return replace(workspace, settings=replace(workspace.settings, evaluation=evaluation))


@pytest.fixture
def dataset(trained):
    return TrainingDataset(trained.path(trained.settings.dataset.out))


@pytest.fixture
def without_weights(trained, tmp_path):
    """A run whose model cannot be loaded."""
    copied = shutil.copytree(trained.path("runs/short"), tmp_path / "short")
    for file in (copied / "model").glob("*.safetensors"):
        file.unlink()
    return copied


def test_every_figure_of_an_evaluation_is_expected_before_it(trained, dataset):
    workspace = asked(trained, limit=2, max_new_tokens=1)
    figures = evaluate_folder(workspace, trained.path("runs/short"))
    expected = figures_of("", unanswered(dataset, workspace.settings.evaluation), workspace.settings.evaluation.metrics)
    assert named_figures(figures).keys() == named_figures(expected).keys()
    assert figures.keys() - expected.keys() <= {*NO_FIGURES}


@pytest.mark.parametrize("name", ["relience", "image.relience", "image/nothing.reliance"])
def test_an_unknown_name_is_told_before_a_model_is_loaded(trained, without_weights, name):
    thresholds = thresholds_of(["reliance=0.3", f"{name}=0.3"])
    with pytest.raises(UsageError, match=name):
        evaluation_of(trained, without_weights, thresholds=thresholds)


@pytest.mark.parametrize("name", ["reliance.diference", "reliance"])
def test_so_is_one_of_a_difference_of_two_models(trained, without_weights, name):
    with pytest.raises(UsageError, match=rf"{name} .*reliance\.difference"):
        compare_two(
            trained, trained.path("runs/short"), without_weights,
            thresholds_of(["image.accuracy.difference=-0.1", f"{name}=0.3"]),
        )  # fmt: skip


def test_what_the_settings_add_is_known(trained, dataset):
    settings = trained.settings.evaluation
    with pytest.raises(UsageError, match=r"judge\.real"):
        require_known_figures(thresholds_of(["judge.real=0.5"]), dataset, settings)
    free = next(one for one in unanswered(dataset, settings) if not one.row.choices)
    require_known_figures(thresholds_of([f"{free.modality}.judge.real=0.5"]), dataset, settings, judged=True)
    with pytest.raises(UsageError, match="greedy_match"):
        chosen = GivenChoices({"*": ["a", "b"]})
        require_known_figures(thresholds_of([f"{free.modality}.greedy_match.real=0.5"]), dataset, settings, chosen)
    require_known_figures(thresholds_of(["reasoning.image.real=0.5"]), dataset, settings)  # known with the answers
