"""Whose held-out questions a model is asked where no dataset is named: those of the dataset it was trained on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from macaw_cli.basics.console import say
from macaw_cli.basics.errors import MismatchError
from macaw_cli.basics.urls import is_url
from macaw_cli.basics.working_files import kind_of
from macaw_cli.config.loading import Workspace
from macaw_cli.config.run_files import SETTINGS_NAME, read_settings_tree
from macaw_cli.config.weighted_folders import split_weight
from macaw_cli.shards.dataset_lock import LOCK_NAME, read_lock


def asked_dataset(workspace: Workspace, model: Path) -> Path:
    """The dataset that a model is asked: `evaluation.data`, else the first of its training that is there.

    Without any of them it is `dataset.out`.

    Args:
        workspace: its settings hold; the run's paths are seen from it.
        model: a model folder.

    Raises:
        DamagedError: the run's settings are not what macaw writes.
        UsageError: `evaluation.data` is a URL.
    """
    settings = workspace.settings
    if settings.evaluation.data:
        return workspace.path(settings.evaluation.data)
    own, default = trained_on(workspace, model.parent), workspace.path(settings.dataset.out)
    there = [folder for folder in own if _is_dataset(folder)]
    if own and not there and default not in own:
        say(f"{model.parent.name} was trained on {own[0].name}, which is not there; {default.name} is asked instead.")
    if len(there) > 1:
        say(f"{model.parent.name} was also trained on {', '.join(one.name for one in there[1:])}; --data asks another.")
    return there[0] if there else default


def trained_on(workspace: Workspace, run: Path) -> list[Path]:
    """The folders of the datasets that the stages of a run read, in order, whether they are there or not.

    Args:
        workspace: from which the run's paths are seen.
        run: a run; any other folder has none.

    Raises:
        DamagedError: its settings are not what macaw writes.
    """
    file = run / SETTINGS_NAME
    if kind_of(file) != "a file":
        return []
    tree = read_settings_tree(file)
    training, own = tree.get("training") or {}, (tree.get("dataset") or {}).get("out")
    default = training.get("datasets") or [own]
    texts = [text for stage in training.get("stages") or [{}] for text in stage.get("datasets") or default]
    names = [split_weight(text)[0] for text in texts if isinstance(text, str) and text]
    return [*dict.fromkeys(workspace.path(name) for name in names if not is_url(name))]


def dataset_of_evaluation(
    workspace: Workspace, name: str, figures: Mapping[str, Any], models: Sequence[Path]
) -> Path | None:
    """The dataset of an evaluation that was written down, so that another model is asked the same questions.

    Args:
        workspace: its `evaluation.data` must be that dataset where it is set.
        name: of the evaluation, for messages.
        figures: its figures; those of earlier versions of macaw say less.
        models: whose datasets are looked at as well.

    Returns:
        Its folder; None where the figures do not say what was asked.

    Raises:
        MismatchError: none of the datasets has its content.
    """
    wanted = (figures.get("asked") or {}).get("dataset")
    if not wanted:
        return None
    settings = workspace.settings
    if settings.evaluation.data:
        candidates = [workspace.path(settings.evaluation.data)]
    else:
        told = figures.get("data")
        candidates = [
            *([workspace.path(told)] if told and not is_url(told) else []), workspace.path(settings.dataset.out),
            *(folder for model in models for folder in trained_on(workspace, model.parent)),
        ]  # fmt: skip
    for folder in dict.fromkeys(candidates):
        if _is_dataset(folder) and read_lock(folder)["hash"] == wanted:
            return folder
    looked = ", ".join(dict.fromkeys(folder.name for folder in candidates))
    raise MismatchError(
        f"{name} is the evaluation of another dataset than {looked}.",
        "Name its dataset with --data, or name the two models: both are asked the same questions then.",
    )


def _is_dataset(folder: Path) -> bool:
    return kind_of(folder / LOCK_NAME) == "a file"
