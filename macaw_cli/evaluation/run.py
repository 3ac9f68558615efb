"""`macaw evaluate`: load a model and a dataset, ask, write and return the figures."""

from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import write_json, write_jsonl
from macaw_cli.basics.console import say
from macaw_cli.config.loading import Workspace
from macaw_cli.evaluation.conditions import ALL_CONDITIONS
from macaw_cli.evaluation.evaluate import HeldOut, evaluate_model, figures_of
from macaw_cli.evaluation.presentation import write_picture
from macaw_cli.model.folder import load_model, newest_model
from macaw_cli.shards.same_encoders import require_same_encoders
from macaw_cli.shards.training_dataset import TrainingDataset

RUN_MODEL_FOLDER = "model"


def evaluate_folder(workspace: Workspace, model_folder: Path | None) -> dict[str, Any]:
    """Evaluate a model folder, a run, or the workspace's newest model on the workspace's held-out questions.

    Figures, answers and the picture are written to `evaluation/` of the run; a model outside a run is only read.

    Args:
        workspace: its `evaluation` settings hold.
        model_folder: a model or run folder; None means the workspace's newest.

    Returns:
        The JSON of `macaw evaluate --json`.

    Raises:
        InputError: no model, no dataset, or nothing held out.
        MismatchError: the dataset's features are of another encoder than the model's.
    """
    settings = workspace.settings.evaluation
    folder = _model_of(model_folder) if model_folder else newest_model(workspace)
    dataset = TrainingDataset(workspace.path(settings.data or workspace.settings.dataset.out))
    say(f"Evaluating {_shown(folder, workspace)} on {_shown(dataset.folder, workspace)}")
    model, processor = load_model(folder)
    require_same_encoders(
        dataset.fingerprints,
        model.config.fingerprints,
        f"the dataset {_shown(dataset.folder, workspace)}",
        f"the model {folder.name}",
    )
    model.eval()
    answered = evaluate_model(model, processor.encoder, dataset, limit=settings.limit, batch_size=settings.batch_size)
    figures = figures_of(_shown(folder, workspace), answered)
    if folder.name == RUN_MODEL_FOLDER and (folder.parent / "summary.json").exists():
        _write(folder.parent / "evaluation", figures, answered)
    return figures


def _model_of(folder: Path) -> Path:
    inside = folder / RUN_MODEL_FOLDER
    return inside if inside.is_dir() else folder


def _write(out: Path, figures: dict[str, Any], answered: list[HeldOut]) -> None:
    out.mkdir(exist_ok=True)
    rows = [
        {
            "id": question.row.id,
            "kind": question.row.kind,
            "tags": list(question.row.tags),
            "media": [ref.source for ref in question.row.media],
            "messages": question.messages,
            "answers": {name: question.answers[name] for name in ALL_CONDITIONS if name in question.answers},
        }
        for question in answered
    ]
    write_jsonl(out / "answers.jsonl", rows)
    write_picture(figures, out / "reliance.png")
    write_json(out / "figures.json", figures)


def _shown(folder: Path, workspace: Workspace) -> str:
    """The folder relative to the workspace where it lies inside, so that reports hold no absolute path."""
    absolute = folder.absolute()
    return str(absolute.relative_to(workspace.root)) if absolute.is_relative_to(workspace.root) else str(folder)
