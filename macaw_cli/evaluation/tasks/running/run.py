"""`macaw evaluate --task`: load a model, ask it the items of each task, write and return the figures."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from macaw_cli.basics.atomic_files import write_json, write_jsonl
from macaw_cli.basics.console import progress, say
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import InputError, MacawError, MismatchError, ResourceError
from macaw_cli.basics.working_files import make_folder
from macaw_cli.config.loading import Workspace
from macaw_cli.encoders.frozen import torch_device
from macaw_cli.evaluation.earlier_evaluations import move_earlier
from macaw_cli.evaluation.figures.answers import ANSWERS_NAME, FIGURES_NAME
from macaw_cli.evaluation.tasks.running.answered_rows import answered_in, answered_rows
from macaw_cli.evaluation.tasks.running.asking import Asker
from macaw_cli.evaluation.tasks.running.conditions import everything_asked
from macaw_cli.evaluation.tasks.running.kept_answers import KeptAnswers
from macaw_cli.evaluation.tasks.running.media_reader import MediaReader
from macaw_cli.evaluation.tasks.running.reading import ItemsRead, read_items
from macaw_cli.evaluation.tasks.running.registry import open_task
from macaw_cli.evaluation.tasks.running.report import Answers, by_condition, task_report
from macaw_cli.evaluation.tasks.running.stored_images import StoredImages
from macaw_cli.evaluation.tasks.task import Task
from macaw_cli.inference.attachments import Attacher
from macaw_cli.inference.expert_texts import ModelExperts
from macaw_cli.media.decoder_pool import DecoderPool
from macaw_cli.model.folder import MODEL_FOLDER, load_model, model_folder, newest_model
from macaw_cli.model.model_encoders import ModelEncoders
from macaw_cli.model.packing.attention_choice import no_cudnn_attention

TASKS_FOLDER = "tasks"
"""In `evaluation/` of a run; holds a folder for each task."""
REJECTS_NAME = "rejects.jsonl"
NAMES = (ANSWERS_NAME, REJECTS_NAME, FIGURES_NAME)
"""Files of a finished task."""


@no_cudnn_attention()
def evaluate_tasks(
    workspace: Workspace, model_path: Path | None, tell: Callable[[str, Mapping[str, Any]], None] | None = None
) -> dict[str, Any]:
    """Ask a model the tasks of the settings; what is found is written to `evaluation/tasks/` of its run.

    What answers other questions is moved aside there first. A model outside a run is only read. A task whose files
    cannot be used stops none of those behind it.

    Args:
        workspace: its `evaluation` settings hold.
        model_path: a model or run folder; None means the workspace's newest.
        tell: called with the title and the JSON of each task when it is finished.

    Returns:
        The JSON of `macaw evaluate --task ... --json`; `require_all_asked` fails where it has `failed` tasks.

    Raises:
        InputError: no model, no files of a task, or no task with a question that can be asked.
        MismatchError: the model was not trained on what a task shows, or its encoder or expert is another one.
        ResourceError: a GPU was asked for and there is none, or its memory is full.
    """
    settings = workspace.settings.evaluation
    tasks = [open_task(one, workspace) for one in settings.tasks]
    folder = model_folder(model_path) if model_path else newest_model(workspace)
    model, processor = load_model(folder, torch_device(settings.device))
    experts = ModelExperts.of(model.config, folder, workspace, settings.device)
    encoders = ModelEncoders(model, processor, folder, workspace)
    for task in tasks:
        _require_known(task, Attacher(model.config, encoders, experts))
    stored = None if experts else StoredImages.of_workspace(workspace, model.config)
    run = folder.parent if folder.name == MODEL_FOLDER and (folder.parent / "summary.json").exists() else None
    reports: dict[str, Any] = {}
    failed: dict[str, MacawError] = {}
    for task in tasks:
        title = task.settings.called
        say(f"Asking {_shown(folder, workspace)} the questions of {title}")
        out = run / "evaluation" / TASKS_FOLDER / title if run else None
        shown = _shown(out, workspace) if out else ""
        try:
            with tempfile.TemporaryDirectory(prefix="macaw-task-") as scratch, DecoderPool() as pool:
                media = MediaReader(Attacher(model.config, encoders, experts), stored, pool=pool)
                asker = Asker(model, processor.encoder, media, settings.batch_size)
                read = read_items(task, task.settings.limit or settings.limit, Path(scratch))
                with KeptAnswers(out, folder, task.settings, Path(scratch)) as kept:
                    answers = _answers(task, read, asker, settings.batch_size, kept)
        except (InputError, MismatchError) as error:
            say(f"{title}: {error.problem}")
            failed[title] = error
            continue
        reports[title] = _finished(task, read, answers, out, shown)
        kept.remove()
        if tell is not None:
            tell(title, reports[title])
        _tell_rejects(read, len(answers["real"]), title, shown)
        if out:
            say(f"Figures and answers of {title}: {shown}")
        if (excess := _excess(task, read, len(answers["real"]), settings.max_reject_ratio, shown)) is not None:
            failed[title] = excess
    if not reports and len(failed) == 1:
        raise next(iter(failed.values()))
    told = {title: {"problem": error.problem, "hint": error.hint} for title, error in failed.items()}
    found = {"version": 1, "model": _shown(folder, workspace), "tasks": reports, **({"failed": told} if told else {})}
    if not reports:
        require_all_asked(found)
    return found


def require_all_asked(found: Mapping[str, Any]) -> None:
    """Fail where a task could not be asked, or too many of its questions.

    Args:
        found: what `evaluate_tasks` returns.

    Raises:
        InputError: with the reason of each such task.
    """
    failed = found.get("failed") or {}
    if not failed:
        return
    problem = " ".join(one["problem"] for one in failed.values())
    if len(failed) + len(found["tasks"].keys() - failed.keys()) > 1:
        problem = f"{len(failed)} of {len(failed | found['tasks'])} tasks failed: {problem}"
    raise InputError(problem, " ".join(dict.fromkeys(one["hint"] for one in failed.values() if one["hint"])))


def _answers(task: Task[Any], read: ItemsRead, asker: Asker, batch_size: int, kept: KeptAnswers) -> Answers:
    asked = everything_asked(read.items, task.settings.conditions)
    known = kept.find(read.items, asked)
    if known:
        say(f"{counted(len(known), 'answer')} of {len(asked):,} are those of an earlier run that was interrupted.")
    left = [one for one in asked if one not in known]
    try:
        with progress(task.settings.called, len(left), "answers") as advance, torch.inference_mode():
            said, unusable = asker.ask(read.items, left, task.settings, advance, kept)
    except torch.OutOfMemoryError:
        raise ResourceError(
            f"The GPU ran out of memory with {counted(batch_size, 'sequence')} at once.",
            "Lower evaluation.batch_size, or use --set evaluation.device=cpu.",
        ) from None
    read.rejects += [f"{read.items[number].id}: {reason}" for number, reason in unusable.items()]
    answers = by_condition(read.items, known | said, task.settings.conditions, unusable)
    if not answers["real"]:
        first = (read.rejects or ["no cluster is whole"])[0]
        raise InputError(f"No question of {task.settings.called} could be asked; the first: {first}.")
    return answers


def _finished(task: Task[Any], read: ItemsRead, answers: Answers, out: Path | None, shown: str) -> dict[str, Any]:
    report = task_report(task, answers) | {
        "rejected": len(read.rejects),
        "settings": {name: getattr(task.settings, name) for name in ("answer", "prompt", "max_new_tokens")},
    }
    if out:
        rows = _rows(task, answers)
        asked = answered_rows(rows), report["settings"]
        make_folder(out)
        move_earlier(
            out, NAMES, lambda earlier: (answered_in(out / ANSWERS_NAME), earlier.get("settings")) == asked, shown
        )
        write_jsonl(out / ANSWERS_NAME, rows)
        write_jsonl(out / REJECTS_NAME, ({"reason": reason} for reason in read.rejects))
        write_json(out / FIGURES_NAME, report)
    return report


def _rows(task: Task[Any], answers: Answers) -> list[dict[str, Any]]:
    """What each item was answered, condition after condition."""
    rows: dict[str, dict[str, Any]] = {}
    for condition, some in answers.items():
        for answered, score in zip(some, task.scores(some), strict=True):
            item = answered.item
            row = rows.setdefault(
                item.id,
                {
                    "id": item.id, "messages": [dict(message) for message in item.messages],
                    "media": [medium.name or str(medium.path) for medium in item.media],
                    "references": list(item.references), "choices": list(item.choices), "groups": dict(item.groups),
                    "answers": {}, "scores": {},
                },
            )  # fmt: skip
            row["answers"][condition], row["scores"][condition] = answered.text, round(score, 4)
    return list(rows.values())


def _tell_rejects(read: ItemsRead, asked: int, title: str, shown: str) -> None:
    """How many questions could not be asked, and where the reasons are."""
    if read.rejects:
        reasons = f"Their reasons are in {shown}/{REJECTS_NAME}; the" if shown else "The"
        say(
            f"{len(read.rejects):,} of {len(read.rejects) + asked:,} questions of {title} could not be asked. {reasons}"
            f" first: {read.rejects[0].rstrip('.')}."
        )


def _excess(task: Task[Any], read: ItemsRead, asked: int, most: float, shown: str) -> InputError | None:
    """The error that too many questions could not be asked."""
    rejected = len(read.rejects)
    if rejected <= most * (rejected + asked):
        return None
    return InputError(
        f"{rejected} of {rejected + asked} questions of {task.settings.called} cannot be asked, more than"
        f" evaluation.max_reject_ratio={most:g} allows. The first: {read.rejects[0].rstrip('.')}.",
        f"The others' figures are above{f' and in {shown}' if shown else ''}. Mend the files, or raise the ratio.",
    )


def _require_known(task: Task[Any], attacher: Attacher) -> None:
    """Refuse a task whose media the model does not know, or an encoder or expert that is not there; before any item."""
    if missing := [name for name in task.modalities if name not in attacher.modalities]:
        raise MismatchError(
            f"The task {task.settings.name} asks about {missing[0]}, but the model was trained on"
            f" {', '.join(attacher.modalities) or 'text only'}.",
            "Choose another task, or another model.",
        )
    attacher.load(task.modalities)


def _shown(folder: Path, workspace: Workspace) -> str:
    """The folder relative to the workspace where it lies inside, so that reports hold no absolute path."""
    absolute = folder.absolute()
    return str(absolute.relative_to(workspace.root)) if absolute.is_relative_to(workspace.root) else str(folder)
