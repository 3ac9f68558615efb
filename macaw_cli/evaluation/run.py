"""`macaw evaluate`: load a model and a dataset, ask, write and return the figures."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from macaw_cli.basics.atomic_files import atomic_path, write_json, write_jsonl
from macaw_cli.basics.console import say
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import InputError, MacawError, ResourceError, UsageError
from macaw_cli.basics.working_files import make_folder
from macaw_cli.config.evaluation_settings import EvaluationSettings
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.config.run_files import METRICS_NAME, SETTINGS_NAME, metrics_rows, read_settings_tree
from macaw_cli.config.stages import peak_bridge_rate
from macaw_cli.encoders.frozen import torch_device
from macaw_cli.encoders.views import views_of
from macaw_cli.evaluation.answer_rows import answer_row
from macaw_cli.evaluation.asked_dataset import asked_dataset
from macaw_cli.evaluation.cleaning.clean import clean
from macaw_cli.evaluation.cleaning.clean_folder import require_clean_folder
from macaw_cli.evaluation.earlier_evaluations import asked_with, move_earlier, same_asked
from macaw_cli.evaluation.evaluate import figures_of
from macaw_cli.evaluation.expected_figures import require_known_figures
from macaw_cli.evaluation.figures.answers import ANSWERS_NAME, FIGURES_NAME
from macaw_cli.evaluation.figures.remedies import Circumstances, circumstances_of
from macaw_cli.evaluation.figures.silence import padding_share
from macaw_cli.evaluation.figures.thresholds import Threshold
from macaw_cli.evaluation.figures.verdict import verdicts
from macaw_cli.evaluation.in_context.given_choices import given_choices
from macaw_cli.evaluation.in_context.in_context import ask_in_context
from macaw_cli.evaluation.presentation import write_plot
from macaw_cli.evaluation.questions.conditions import examples_per_modality
from macaw_cli.evaluation.questions.held_out import HeldOut
from macaw_cli.evaluation.training_examples import training_examples
from macaw_cli.model.expert_texts import use_of_config
from macaw_cli.model.folder import MODEL_FOLDER, load_model, model_folder, newest_model
from macaw_cli.model.packing.attention_choice import no_cudnn_attention
from macaw_cli.shards.encoder_match import require_same_encoders
from macaw_cli.shards.expert_texts import require_same_experts
from macaw_cli.shards.training_dataset import TrainingDataset

PLOT_NAME = "reliance.png"
NAMES = (ANSWERS_NAME, PLOT_NAME, FIGURES_NAME)
"""Files of an evaluation."""
Judge = Callable[[Sequence[HeldOut]], dict[str, Any]]
"""Scores the generated answers of questions, and says what was asked for that."""


@dataclass(frozen=True)
class Evaluation:
    """What came of asking one model.

    Attributes:
        figures: the JSON of `macaw evaluate --json`.
        rows: one per question, as in `answers.jsonl`.
        written: the folder of figures and answers as messages name it; empty for a model outside a run.
        failure: why the judge has scored nothing, to be told behind the figures.
    """

    figures: dict[str, Any]
    rows: list[dict[str, Any]]
    written: str = ""
    failure: MacawError | None = None


def evaluate_folder(
    workspace: Workspace, model_path: Path | None, clean_into: Path | None = None, judge: Judge | None = None
) -> dict[str, Any]:
    """The figures of `evaluation_of`; the same arguments and errors, and the judge's as well."""
    evaluation = evaluation_of(workspace, model_path, clean_into, judge)
    if evaluation.failure is not None:
        raise evaluation.failure
    return evaluation.figures


@no_cudnn_attention()
def evaluation_of(
    workspace: Workspace,
    model_path: Path | None,
    clean_into: Path | None = None,
    judge: Judge | None = None,
    thresholds: Sequence[Threshold] = (),
) -> Evaluation:
    """Evaluate a model folder, a run, or the workspace's newest model on the held-out questions of `asked_dataset`.

    Figures, answers and the plot are written to `evaluation/` of the run, with demonstrations to a folder below it such
    as `shots-4-nearest`; what answers other questions is moved aside first. A model outside a run is only read.

    Args:
        workspace: its `evaluation` settings hold.
        model_path: a model or run folder; None means the workspace's newest.
        clean_into: folder for the questions that need their media, and the training examples that can be guessed.
        judge: gives the questions their `judged`; what it returns is `judging` in the figures.
        thresholds: whose names are checked before the model is loaded.

    Raises:
        UsageError: there will be no figure that a threshold names.
        InputError: no model, no dataset, or nothing held out; or a folder that is not to be written into.
        MismatchError: the dataset's features are of another encoder than the model's.
        ResourceError: a GPU was asked for and there is none, or its memory is full.
    """
    settings = workspace.settings.evaluation
    given = given_choices(workspace.path(settings.choices)) if settings.choices else None
    folder = model_folder(model_path) if model_path else newest_model(workspace)
    dataset = TrainingDataset(asked_dataset(workspace, folder))
    if clean_into is not None:
        require_clean_folder(clean_into, [folder, dataset.folder])
    require_known_figures(thresholds, dataset, settings, given, judged=judge is not None)
    say(f"Evaluating {_shown(folder, workspace)} on {_shown(dataset.folder, workspace)}")
    model, processor = load_model(folder, torch_device(settings.device))
    require_same_encoders(
        dataset.fingerprints,
        model.config.fingerprints,
        dataset.title,
        f"the model {folder.name}",
    )
    dataset = dataset.viewed(views_of(model.config.view_settings, dataset.fingerprints))
    if model.config.expert_texts:
        trained = model.config.expert_texts["experts"]
        require_same_experts(trained, dataset.experts, f"The model {folder.name}", dataset.title)
        dataset = dataset.told(use_of_config(model.config))
    with _told_memory(settings.batch_size, model.device):
        answered, further = ask_in_context(model, processor.encoder, dataset, settings, workspace.settings.seed, given)
    run = folder.parent if folder.name == MODEL_FOLDER and (folder.parent / "summary.json").exists() else None

    circumstances = _circumstances(run, workspace, dataset, model.config) if run else None
    out = run / "evaluation" / _below(settings) if run else None
    written = _shown(out, workspace) if out else ""
    asked = {
        "data": os.path.relpath(dataset.folder, workspace.root),
        "asked": {"dataset": dataset.hash, "limit": settings.limit, "generate": settings.generate},
        "asked_with": asked_with(workspace, judged=judge is not None),
    }
    if out:
        move_earlier(out, NAMES, lambda earlier: same_asked(earlier, asked), written)

    def kept(more: Mapping[str, Any], *, plot: bool = False) -> Evaluation:
        """The evaluation so far, written: what comes next may fail, and the answers took long."""
        figures = figures_of(_shown(folder, workspace), answered, settings.metrics)
        figures |= {**asked, **more}
        figures["verdict"] = verdicts(figures, circumstances)
        if settings.shots:  # what helps a training does not make up for demonstrations
            figures["verdict"] = {name: {**one, "remedies": []} for name, one in figures["verdict"].items()}
        evaluation = Evaluation(figures, [answer_row(question) for question in answered], written)
        if out:
            _write(out, evaluation, plot=plot)
        return evaluation

    evaluation = kept(further, plot=True)
    if judge is not None:
        evaluation = _judged(judge, answered, lambda judging: kept({**further, "judging": judging}), evaluation)
    if clean_into is not None:
        evaluation.figures["clean"] = clean(
            clean_into, model, processor.encoder, dataset, answered, limit=settings.limit,
            batch_size=settings.batch_size, asked={"model": evaluation.figures["model"], "asked": asked["asked"]},
        )  # fmt: skip
        if out:
            write_json(out / FIGURES_NAME, evaluation.figures)
    return evaluation


def _judged(
    judge: Judge, answered: Sequence[HeldOut], kept: Callable[[dict[str, Any]], Evaluation], unjudged: Evaluation
) -> Evaluation:
    """The evaluation with the judge's scores; without them where the judge fails, as the figures are there."""
    try:
        judging = judge(answered)
    except (InputError, ResourceError) as error:
        return replace(unjudged, failure=error)
    return kept(judging)


@contextmanager
def _told_memory(batch_size: int, device: torch.device) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError:
        raise ResourceError(
            f"{device} ran out of memory with {counted(batch_size, 'sequence')} at once.",
            "Lower evaluation.batch_size, or use --set evaluation.device=cpu.",
        ) from None


def _below(settings: EvaluationSettings) -> str:
    """The folder inside `evaluation/`: what is asked in another way takes the place of nothing else."""
    shots = f"shots-{settings.shots}-{settings.demonstrations}" if settings.shots else ""
    return "-".join(filter(None, [shots, "choices" if settings.choices else ""]))


def _circumstances(run: Path, workspace: Workspace, dataset: TrainingDataset, config: Any) -> Circumstances:
    logged, rows = list(metrics_rows(run / METRICS_NAME)), training_examples(run, workspace, dataset)
    padding = padding_share(rows, config.fingerprints, trimmed=config.view_settings.trims_audio)
    return circumstances_of(logged, examples_per_modality(rows), padding, stages_of(run), peak_of(run))


def stages_of(run: Path) -> list[dict[str, Any]]:
    """The stages of the run's recipe, as plain values; none where its settings are not there."""
    file = run / SETTINGS_NAME
    tree = read_settings_tree(file) if file.is_file() else {}
    return list((tree.get("training") or {}).get("stages") or ())


def peak_of(run: Path) -> float | None:
    """The bridge's highest learning rate in the run's settings; None where they cannot be told."""
    file = run / SETTINGS_NAME
    try:
        return peak_bridge_rate(parse_settings(read_settings_tree(file), str(file)).training)
    except (OSError, UsageError):  # of another version, or with a design of a package that is not installed
        return None


def _write(out: Path, evaluation: Evaluation, *, plot: bool) -> None:
    """All files but, where nothing in it has changed, the plot."""
    make_folder(out)
    write_jsonl(out / ANSWERS_NAME, evaluation.rows)
    if plot:
        with atomic_path(out / PLOT_NAME) as file:
            write_plot(evaluation.figures, file)
    write_json(out / FIGURES_NAME, evaluation.figures)


def _shown(folder: Path, workspace: Workspace) -> str:
    """The folder relative to the workspace where it lies inside, so that reports hold no absolute path."""
    absolute = folder.absolute()
    return str(absolute.relative_to(workspace.root)) if absolute.is_relative_to(workspace.root) else str(folder)
