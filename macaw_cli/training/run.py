"""`macaw train`: decides what is trained where, then trains here or in several processes.

Options that cannot be are refused before anything heavy is imported: the imports stand where they are needed.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING

from macaw_cli.basics.command_line import typed_command
from macaw_cli.basics.console import result, result_json, say
from macaw_cli.basics.counts import counted
from macaw_cli.basics.disk import require_free_space
from macaw_cli.basics.launched_rank import LaunchedRank
from macaw_cli.config.loading import Workspace
from macaw_cli.evaluation.presentation import verdict_lines
from macaw_cli.training.checkpoints.folder import size_of
from macaw_cli.training.job import TrainingJob, TrainingReport, read_summary
from macaw_cli.training.processes import choose_processes, on_processes
from macaw_cli.training.reporting.next_command import command_after
from macaw_cli.training.reporting.trackers import require_trackers
from macaw_cli.training.run_folder import RunFolder, choose_run, require_own_place, run_to_continue
from macaw_cli.training.tuning.adapters import require_possible_adapter
from macaw_cli.training.tuning.llm_source import llm_source

if TYPE_CHECKING:
    from macaw_cli.training.training_inputs import TrainingInputs


def train(
    workspace: Workspace,
    *,
    gpus: int | None = None,
    cpu_processes: int | None = None,
    launched: LaunchedRank | None = None,
    resume: bool = False,
    as_json: bool = False,
) -> TrainingReport:
    """Train a new run, or continue the newest unfinished one.

    Args:
        workspace: its settings hold.
        gpus: number of GPUs, one process each; default: one if there is any.
        cpu_processes: number of CPU processes instead.
        launched: this process's part where another launcher has started all of them; rank 0 calls this.
        resume: continue the newest unfinished run; without one, start a new run.
        as_json: print the report as one JSON object.

    Returns:
        What it came to.

    Raises:
        UsageError: settings or options that cannot be.
        InputError: no usable dataset or LLM.
        MismatchError: encoders that differ, or a run or model that cannot go on with what there is now.
        ResourceError: too few GPUs, a full disk, too little memory, a process that died.
        Interrupted: SIGINT or SIGTERM; a checkpoint is saved.
    """
    settings = workspace.settings
    processes = choose_processes(settings.training, gpus, cpu_processes, launched)
    workspace = on_processes(workspace, processes)
    if settings.training.start_from:
        from macaw_cli.training.tuning.start_settings import with_start

        workspace = with_start(workspace)
        settings = workspace.settings
    runs = workspace.path(settings.training.runs)
    require_trackers(settings.training.trackers)
    llm_source(workspace)
    require_possible_adapter(settings.training)
    continued = run_to_continue(workspace) if resume else None
    if resume and settings.training.name and continued is None:
        say(f"No run {runs / settings.training.name} to resume: starting a new one.")
    with _others(launched) as give:
        report = _finished(continued, workspace)
        if report is None:
            require_own_place(workspace)
            inputs = _inputs(workspace, continued)
            chosen = choose_run(workspace, resume, inputs.config.modalities)
            job = TrainingJob(workspace, chosen.folder, chosen.continues, processes, tuple(typed_command()))
            report = _finished(job.run, workspace) or _train(job, inputs, give)
    if as_json:
        result_json(asdict(report))
    else:
        for line in verdict_lines({"verdict": report.verdict}):
            say(line)
        done = f"Trained {runs / report.run} in {counted(report.steps, 'step')}."
        result(f"{done} Next: {command_after(runs / report.run)}")
    return report


def _inputs(workspace: Workspace, continued: RunFolder | None) -> "TrainingInputs":
    """What is trained on, and room for what it will write: a run that continues has written much of it already."""
    from macaw_cli.config.stages import stage_settings
    from macaw_cli.model.expert_texts import tell_texts
    from macaw_cli.training.checkpoints.disk_space import bytes_to_write
    from macaw_cli.training.schedule.objective_checks import require_possible_objectives
    from macaw_cli.training.schedule.unused_settings import tell_unused
    from macaw_cli.training.training_inputs import prepare, tell_skipped
    from macaw_cli.training.tuning.model_setup import model_without_weights

    inputs, training = prepare(workspace), workspace.settings.training
    require_possible_objectives(inputs.config, training)
    tell_skipped(inputs)
    tell_unused(inputs, training)
    tell_texts(inputs.config)
    sketch = model_without_weights(inputs.config, training)
    needed = max(bytes_to_write(sketch, stage) for _, stage in stage_settings(training))
    there = size_of(continued.checkpoints) if continued else 0
    hint = "Free some space, lower --set training.keep_checkpoints, or choose another place with --set training.runs."
    require_free_space(workspace.path(training.runs), max(needed - there, 0), hint)
    return inputs


def _others(launched: LaunchedRank | None) -> AbstractContextManager[Callable[[TrainingJob], None] | None]:
    """The way to the processes that another launcher has started; None where macaw starts them, or trains alone."""
    if launched is None:
        return nullcontext()
    from macaw_cli.training.launching.external_launcher import lead

    return lead(launched)


def _train(job: TrainingJob, inputs: "TrainingInputs", give: Callable[[TrainingJob], None] | None) -> TrainingReport:
    if give is None and job.processes.count > 1:
        from macaw_cli.training.launching.own_launcher import launch

        return launch(job)
    from macaw_cli.training.session import train_in_this_process

    if give is not None:
        give(job)
    return train_in_this_process(job, inputs)


def _finished(run: RunFolder | None, workspace: Workspace) -> TrainingReport | None:
    """What a run that was resumed by name, but is finished, came to.

    Raises:
        MismatchError: the settings ask for another training than that.
    """
    if run is None or not run.is_finished:
        return None
    from macaw_cli.training.checkpoints.resume_checks import require_same_settings

    require_same_settings(run, workspace.settings)
    say(f"{run.path} is finished already; there is nothing to continue.")
    return read_summary(run)
