"""`macaw train --verify-resume K`: does a killed run go on exactly, with this model, this data and this machine?

2K steps without interruption are compared with K steps, a SIGKILL of every process, and K more steps after a resume.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import read_jsonl
from macaw_cli.basics.console import print_table, result, result_json, say
from macaw_cli.basics.errors import InputError, MismatchError, UsageError
from macaw_cli.basics.working_files import remove_file, remove_own
from macaw_cli.config.loading import Workspace
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training.checkpoints.folder import checkpoint_name, newest_progress
from macaw_cli.training.job import read_summary
from macaw_cli.training.processes import Processes, choose_processes
from macaw_cli.training.run_folder import RunFolder
from macaw_cli.training.signals import StopRequest, stop_on_signals
from macaw_cli.training.verifying.run_differences import TOLERANCE, Comparison, compare_runs
from macaw_cli.training.verifying.verification_folder import verification_folder
from macaw_cli.training.verifying.watched_run import OUTPUT_NAME, Request, run_watched

WHOLE, KILLED = "whole", "killed"


def verify_resume(
    workspace: Workspace,
    k: int,
    *,
    gpus: int | None = None,
    cpu_processes: int | None = None,
    hostfile: Path | None = None,
    as_json: bool = False,
) -> list[Comparison]:
    """Train 2K steps twice, once with a kill after K, and compare batches, losses, rates and weights.

    It works in a folder of its own among the runs, which it removes again unless there is something to look at.

    Args:
        workspace: its settings hold, but for how long is trained and what is kept.
        k: steps before the kill.
        gpus: as for a training.
        cpu_processes: as for a training.
        hostfile: refused: what is verified here holds for several machines as well.
        as_json: print one JSON object instead of a table.

    Raises:
        UsageError: a hostfile.
        MismatchError: something differs, which it says with where first; or nothing was resumed.
        InputError: the run has too few steps.
        MacawError: what a training raises.
    """
    if hostfile is not None:
        raise UsageError("--verify-resume verifies the processes of this machine.", "Leave --hostfile away.")
    processes = choose_processes(workspace.settings.training, gpus, cpu_processes)
    exact = processes.device == "cpu" or workspace.settings.training.deterministic
    with verification_folder(workspace.path(workspace.settings.training.runs)) as folder:
        with stop_on_signals() as stop:
            steps = _train_both(workspace, k, gpus, cpu_processes, folder, stop)
        compared = compare_runs(RunFolder(folder / WHOLE), RunFolder(folder / KILLED), exact=exact)
        _tell(compared, k, steps, processes, exact=exact, as_json=as_json)
        if not all(one.same for one in compared):
            raise _verdict(compared, folder, k)
    return compared


def _train_both(
    workspace: Workspace, k: int, gpus: int | None, cpu_processes: int | None, folder: Path, stop: StopRequest
) -> int:
    """Train the two runs; returns how many steps they have."""
    whole, killed = RunFolder(folder / WHOLE), RunFolder(folder / KILLED)
    say(f"1 of 3: {2 * k} steps without interruption")
    request = Request(_shortened(workspace, k, folder, WHOLE), gpus, cpu_processes)
    run_watched(request, folder, stop)
    steps = read_summary(whole).steps
    if steps <= k:
        raise InputError(f"The run ends after {steps} steps already.", f"Verify with at most {steps - 1}.")
    remove_own(whole.checkpoints)  # half of the space that is needed

    say(f"2 of 3: a kill after {k} steps")
    checkpoint = killed.checkpoints / checkpoint_name(k)
    request = Request(_shortened(workspace, k, folder, KILLED), gpus, cpu_processes)
    if not run_watched(request, folder, stop, until=checkpoint.is_dir):
        say("It had ended before the kill could hit; it goes on from the checkpoint all the same.")
    _forget_what_came_later(killed, checkpoint)
    _require_checkpoint(killed, k)
    before = _rows_until(killed, k)

    say(f"3 of 3: resumed, to step {steps}")
    run_watched(replace(request, resume=True), folder, stop)
    _require_resumed(before, killed, k)
    return steps


def _forget_what_came_later(run: RunFolder, checkpoint: Path) -> None:
    """The kill comes a moment after the checkpoint; a quick training may have saved the next one by then."""
    for later in run.checkpoints.glob("step-*"):
        if later.name > checkpoint.name:
            remove_own(later)
    remove_file(run.summary_file)


def _require_checkpoint(run: RunFolder, k: int) -> None:
    progress = newest_progress(run.checkpoints)
    if progress is None or progress.step != k:
        found = "has no whole checkpoint" if progress is None else f"stands at step {progress.step}"
        raise MismatchError(
            f"The run that was killed after step {k} {found}: it cannot go on there.",
            f"It is kept in {run.path.parent}, with what it said in {OUTPUT_NAME}.",
        )


def _rows_until(run: RunFolder, k: int) -> list[Any]:
    """Rows of metrics.jsonl up to step k, with the seconds that they took."""
    return [row for row in read_jsonl(run.metrics_file) if row["step"] <= k]


def _require_resumed(before: list[Any], run: RunFolder, k: int) -> None:
    """A run that began anew would end like the other one too: its first k steps would have taken other times."""
    if not before or before[-1]["step"] != k or _rows_until(run, k) != before:
        raise MismatchError(
            f"The killed run did not go on after step {k}: it began anew.",
            f"Both are kept in {run.path.parent}, what they said in {OUTPUT_NAME}.",
        )


def _shortened(workspace: Workspace, k: int, runs: Path, name: str) -> Workspace:
    """The same training, 2K steps long, with a checkpoint after K and a row of metrics for each step."""
    training = workspace.settings.training
    lengths = _lengths(2 * k, max(len(training.stages), 1))
    stages = tuple(replace(stage, max_steps=length) for stage, length in zip(training.stages, lengths, strict=False))
    short: TrainingSettings = replace(
        training, runs=str(runs), name=name, stages=stages, max_steps=2 * k, checkpoint_every=k,
        keep_checkpoints=2 + len(stages), log_every=1, evaluate_every=None, keep_best=False, model_from="last",
        early_stopping=None, trackers=(), report=False,
    )  # fmt: skip
    return replace(workspace, settings=replace(workspace.settings, training=short))


def _lengths(steps: int, stages: int) -> list[int]:
    """Steps of each stage, as equal as they can be, and at least one."""
    return [max(1, (steps * (number + 1)) // stages - (steps * number) // stages) for number in range(stages)]


def _tell(
    compared: Sequence[Comparison], k: int, steps: int, processes: Processes, *, exact: bool, as_json: bool
) -> None:
    same = all(one.same for one in compared)
    if as_json:
        rows = [{**asdict(one), "same": one.same, "largest": _finite(one.largest)} for one in compared]
        content = {"steps": steps, "killed_after": k, "processes": processes.count, "device": processes.device}
        result_json({**content, "exact": exact, "same": same, "compared": rows})
        return
    table = [
        [one.what, str(one.compared), "yes" if one.same else "NO", f"{one.largest:.2g}", one.first or "-"]
        for one in compared
    ]
    columns = ["compared", "values", "same", "largest difference", "first at"]
    print_table(f"{steps} steps against {k}, a kill, and {steps - k} more", columns, table)
    if not exact:
        say(
            f"Losses, norms and weights may differ by {TOLERANCE:.0%}: kernels of a GPU need not repeat to the bit. "
            "With --set training.deterministic=true they have to."
        )
    if same:
        result(f"Resuming is exact{'' if exact else f' within {TOLERANCE:.0%}'}: the killed run ended like the other.")


def _finite(value: float) -> float | None:
    """JSON has no word for infinity."""
    return value if math.isfinite(value) else None


def _verdict(compared: Sequence[Comparison], folder: Path, k: int) -> MismatchError:
    found = "; ".join(f"{one.what} (first: {one.first})" for one in compared if not one.same)
    return MismatchError(
        f"A run that is killed after step {k} and resumed differs from one that is not: {found}.",
        f"Both are kept in {folder}. Please report it, unless something there cannot repeat (such as another device).",
    )
