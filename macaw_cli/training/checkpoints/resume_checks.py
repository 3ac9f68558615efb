"""Whether a run may go on with the settings, data and processes of now: what would change its result is refused."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import MismatchError
from macaw_cli.basics.shell_words import to_type
from macaw_cli.config.bridges.designs import without_foreign
from macaw_cli.config.loading import parse_settings
from macaw_cli.config.run_files import read_settings_tree
from macaw_cli.config.settings import Settings
from macaw_cli.config.stages import template_of
from macaw_cli.config.weighted_folders import split_weight
from macaw_cli.training.checkpoints.differences import differing, leaves, told
from macaw_cli.training.processes import Processes
from macaw_cli.training.run_folder import RunFolder, read_identity
from macaw_cli.training.steps.progress import Progress

FREE_TO_CHANGE = {
    "runs", "name", "device", "checkpoint_every", "keep_checkpoints", "keep_best", "model_from", "evaluate_every",
    "evaluate_examples", "log_every", "trackers", "report", "max_skipped_steps", "early_stopping",
}  # fmt: skip
"""Training settings that change what is written down, or when it ends, but not what a step learns."""
LENGTHS = ("epochs", "max_steps")
"""What the settings of a run's length end with."""


def require_continuable(
    run: RunFolder, settings: Settings, processes: Processes, identity: dict[str, Any], progress: Progress | None
) -> None:
    """Refuse to continue a run with anything that would have made another model.

    Args:
        run: the run to continue.
        settings: the settings of now.
        processes: the processes of now.
        identity: dataset, tokens, LLM and encoders of now.
        progress: where the run's newest checkpoint stands; None before the first.

    Raises:
        MismatchError: with every difference, what it was and what it is.
    """
    require_same_settings(run, settings)
    before = read_identity(run)
    if before is not None:
        _require_equal(run, before, identity)
    if progress is not None:
        require_convertible(run, settings.training.zero_stage, progress.world_size, processes)


def require_same_settings(run: RunFolder, settings: Settings) -> None:
    """Refuse to continue with settings that would have made another model.

    Raises:
        MismatchError: with every such setting, its value in the run and its value now.
    """
    tree = read_settings_tree(run.settings_file)
    tree["bridge"] = without_foreign(tree.get("bridge", {}))
    before = learning_settings(parse_settings(tree, str(run.settings_file)))
    now = learning_settings(settings)
    if before.get("training.zero_stage") != now.get("training.zero_stage"):
        raise MismatchError(
            f"{run.path} trains with ZeRO stage {before['training.zero_stage']}, the settings now say "
            f"{now['training.zero_stage']}: DeepSpeed cannot read the optimizer state of another stage.",
            f"Add --set training.zero_stage={before['training.zero_stage']}, or start a new run without --resume.",
        )
    _require_equal(run, before, now)


def require_convertible(run: RunFolder, zero_stage: int, before: int, processes: Processes) -> None:
    """Refuse another number of processes where the optimizer state cannot be shared out anew.

    Without ZeRO every process holds all of it; under ZeRO the checkpoint is converted (`checkpoints/universal.py`).

    Raises:
        MismatchError: under ZeRO 3 on several machines, where DeepSpeed 0.19 puts the parts together wrongly.
    """
    if zero_stage == 3 and processes.elsewhere and before != processes.count:
        raise MismatchError(
            f"{run.path} was trained by {counted(before, 'process', 'processes')}, now there are "
            f"{processes.count}: under ZeRO 3, DeepSpeed cannot redistribute the optimizer state over several "
            "machines.",
            f"Continue with {before}, or on one machine.",
        )


def require_same_plan(run: RunFolder, before: str, now: str) -> None:
    """Refuse to continue at step k of another order of conversations: some would be seen twice, others never.

    Args:
        run: the run to continue.
        before: hash of the plan that its checkpoint was trained on.
        now: hash of the plan of now, which the settings and data decide together with macaw and numpy.

    Raises:
        MismatchError: they differ.
    """
    if before != now:
        raise MismatchError(
            f"{run.path} cannot continue: the installed macaw or numpy plans its epochs differently from the versions "
            "it began with.",
            f"Install the versions in {run.versions_file}, or start a new run: `macaw train` without --resume.",
        )


def learning_settings(settings: Settings) -> dict[str, Any]:
    """Dotted key to value of every setting that affects the result of the training."""
    training = {key: value for key, value in asdict(settings.training).items() if key not in FREE_TO_CHANGE}
    training["template"] = template_of(settings.training)
    training["datasets"] = _plainly_named(settings.training.datasets or (settings.dataset.out,))
    for stage in training["stages"]:
        stage["datasets"] = stage["datasets"] and _plainly_named(stage["datasets"])
    llm = "" if settings.training.start_from else settings.llm  # earlier runs name one that they did not read
    tree = {"seed": settings.seed, "llm": llm, "bridge": asdict(settings.bridge), "training": training}
    tree["views"], tree["injection"] = asdict(settings.views), asdict(settings.injection)
    tree["expert_texts"] = asdict(settings.expert_texts)
    return dict(leaves(tree))


def _plainly_named(datasets: Sequence[str]) -> list[str]:
    """One spelling of `dataset`, `dataset/` and `dataset:1`."""
    parts = [split_weight(text) for text in datasets]
    return [os.path.normpath(folder) + (f":{weight:g}" if weight != 1 else "") for folder, weight in parts]


def _require_equal(run: RunFolder, before: dict[str, Any], now: dict[str, Any]) -> None:
    keys = differing(before, now)
    if not keys:
        return
    hint = "Change it back, or start a new run: `macaw train` without --resume."
    if any(key.endswith(LENGTHS) for key in keys):
        hint += (
            " A run's length is part of its plan, by which the learning rate falls: to train longer, start a new run "
            "with a higher training.epochs or training.max_steps; it begins with the LLM again, or "
            f"with the model of this run, once that is finished: --start-from {to_type(run.path)}."
        )
    state = "is finished and cannot be trained on" if run.is_finished else "cannot continue"
    raise MismatchError(f"{run.path} {state}, as this changed since it began: {told(keys, before, now)}.", hint)
