"""`macaw evaluate A B`: two models on the same held-out questions, and how much they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from macaw_cli.basics.console import say
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import InputError, MismatchError, UsageError
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT, Fields, mapping_of
from macaw_cli.config.loading import Workspace
from macaw_cli.evaluation.asked_dataset import asked_dataset, dataset_of_evaluation
from macaw_cli.evaluation.expected_figures import expected_rows
from macaw_cli.evaluation.figures.answers import (
    ANSWERS_NAME,
    FIGURES_NAME,
    Answers,
    answers_in,
    keyed,
    read_asked,
    read_rows,
)
from macaw_cli.evaluation.figures.paired import (
    by_modality_and_kind,
    common_questions,
    measured_values,
    paired_difference,
    questions_with,
)
from macaw_cli.evaluation.figures.thresholds import Threshold, require_known
from macaw_cli.evaluation.in_context.given_choices import given_choices
from macaw_cli.evaluation.run import evaluation_of
from macaw_cli.model.folder import CONFIG_FILE, model_folder
from macaw_cli.shards.dataset_lock import read_lock
from macaw_cli.shards.encoder_match import require_same_encoders
from macaw_cli.shards.training_dataset import TrainingDataset

VERSION = 1
MEASURES = ("accuracy", "reliance", "preference")
ASKED_BY = ("kind", "modality", "tags", "media", "messages")
"""What makes two questions the same; `messages` holds the reference answer."""
_MODEL = Fields({}, {"fingerprints": mapping_of(OBJECT)})


@dataclass(frozen=True)
class Side:
    """One of the two models.

    Args:
        name: as the user typed it.
        rows: as in `answers.jsonl`.
        figures: of an evaluation that is read.
    """

    name: str
    rows: Sequence[Mapping[str, Any]]
    figures: Mapping[str, Any] = field(default_factory=dict)


def compare_two(
    workspace: Workspace, first: Path, second: Path, thresholds: Sequence[Threshold] = ()
) -> dict[str, Any]:
    """Ask both models the same held-out questions, and tell by how much the second is better.

    They are those of `evaluation.data`, else of the dataset and the limit of an evaluation that is named, else of the
    dataset of the first model. Everything that is named is looked at before a model is asked.

    Args:
        workspace: its `evaluation` settings hold.
        first: a model or run folder, which is asked now, or a folder `evaluation` of a run, whose answers are read.
        second: likewise.
        thresholds: whose names are checked before a model is asked.

    Returns:
        The JSON of `macaw evaluate A B --json`: see `differences`.

    Raises:
        UsageError: both are the same folder; or there will be no figure that a threshold names.
        InputError: as of `evaluation_of`; or there are no questions with media.
        MismatchError: as of `evaluation_of`; or the questions of two evaluations differ.
        DamagedError: a file of an evaluation is not what macaw writes.
    """
    if first.resolve() == second.resolve():
        raise UsageError(f"Both models are {first}.", "Name two different ones.")
    # what is read comes first: a run that is asked now replaces its earlier evaluation
    read = {path: _read(path) for path in (first, second)}
    models = {path: model_folder(path) for path, side in read.items() if side is None}
    if models:
        workspace = _same_questions(workspace, [side for side in read.values() if side], [*models.values()])
        data = workspace.path(workspace.settings.evaluation.data)
        for model in models.values():
            require_same_encoders(
                read_lock(data)["fingerprints"], read_object(model / CONFIG_FILE, _MODEL).get("fingerprints") or {},
                f"the dataset {data.name}", f"the model {model}",
            )  # fmt: skip
        if thresholds:
            _require_known(workspace, TrainingDataset(data), thresholds)
    first_side, second_side = (read[path] or _asked(workspace, path) for path in (first, second))
    return differences(first_side, second_side)


def differences(first: Side, second: Side) -> dict[str, Any]:
    """What each of two models came to on the same questions, and the paired difference, second - first.

    Returns:
        `version`, `models`, and `overall`, `modalities` and `kinds`, whose entries have `n` and per measure that some
        question has: `first`, `second`, `difference`, its paired interval `ci95`, and `n`.

    Raises:
        InputError: there are no questions with media.
        MismatchError: the questions differ.
    """
    require_same_questions(first, second)
    answers = [answers_in(first.rows), answers_in(second.rows)]
    known = [one for one in answers if one]
    if len(known) < len(answers):
        raise InputError("There are no questions with media to compare.", "Evaluate both models again with this macaw.")
    keys = common_questions(known)
    groups = by_modality_and_kind(known[0], keys)
    modalities = {name: [key for group in kinds.values() for key in group] for name, kinds in groups.items()}
    return {
        "version": VERSION,
        "models": [first.name, second.name],
        "overall": _measured(known, keys),
        "modalities": {name: _measured(known, group) for name, group in modalities.items()},
        "kinds": {
            kind: {"modality": modality, **_measured(known, group)}
            for modality, kinds in groups.items() for kind, group in kinds.items()
        },
    }  # fmt: skip


def require_same_questions(first: Side, second: Side) -> None:
    """Refuse two evaluations whose questions differ.

    Raises:
        MismatchError: with how many differ, and one of them.
    """
    ours, theirs = keyed(first.rows), keyed(second.rows)
    reasons = []
    for one, other, side in ((ours, theirs, first), (theirs, ours, second)):
        if only := [key for key in one if key not in other]:
            reasons.append(f"only {side.name} was asked {counted(len(only), 'question')}, such as {only[0]}")
    for part in ASKED_BY:
        differ = [key for key in ours if key in theirs and ours[key].get(part) != theirs[key].get(part)]
        if differ:
            reasons.append(f"{counted(len(differ), 'question')}, such as {differ[0]}, had other {part}")
    if reasons:
        raise MismatchError(
            f"{first.name} and {second.name} were not asked the same questions: {'; '.join(reasons)}.",
            "Evaluate both on the same dataset with the same --limit: macaw evaluate A B does so with two models.",
        )


def _read(path: Path) -> Side | None:
    """An evaluation that was written down; None for a model."""
    if not (path / ANSWERS_NAME).is_file():
        return None
    return Side(str(path), read_rows(path / ANSWERS_NAME), read_asked(path / FIGURES_NAME))


def _same_questions(workspace: Workspace, read: Sequence[Side], models: Sequence[Path]) -> Workspace:
    """The workspace with the dataset, and where none is set the limit, that all are asked."""
    settings = workspace.settings.evaluation
    data, limit = None, settings.limit
    for side in read:
        data = dataset_of_evaluation(workspace, side.name, side.figures, models)
        limit = settings.limit or (side.figures.get("asked") or {}).get("limit")
    data = data or asked_dataset(workspace, models[0])
    settings = replace(settings, data=str(data), limit=limit)
    return replace(workspace, settings=replace(workspace.settings, evaluation=settings))


def _require_known(workspace: Workspace, dataset: TrainingDataset, thresholds: Sequence[Threshold]) -> None:
    """Refuse figures that the comparison will not have."""
    settings = workspace.settings.evaluation
    given = given_choices(workspace.path(settings.choices)) if settings.choices else None
    rows = expected_rows(dataset, settings, given)
    require_known(differences(Side("A", rows), Side("B", rows)), thresholds)


def _asked(workspace: Workspace, path: Path) -> Side:
    evaluation = evaluation_of(workspace, path)
    if evaluation.written:
        say(f"Figures and answers of {path}: {evaluation.written}")
    return Side(str(path), evaluation.rows)


def _measured(answers: Sequence[Answers], keys: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"n": len(keys)}
    for measure in MEASURES:
        if not (asked := questions_with(answers, keys, measure)):
            continue
        first, second = measured_values(answers, asked, measure)
        value, ci95 = paired_difference(second, first, [answers[0][key].media for key in asked])
        found[measure] = {
            "first": round(float(first.mean()), 4), "second": round(float(second.mean()), 4), "difference": value,
            "ci95": ci95, "n": len(first),
        }  # fmt: skip
    return found
