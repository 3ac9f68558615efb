"""`macaw train`: a dataset to a run. `train` decides, `train_in_this_process` is the training from end to end."""

import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch

from macaw_cli.basics import distributed
from macaw_cli.basics.console import result, say
from macaw_cli.basics.disk import require_free_space
from macaw_cli.basics.errors import Interrupted, ResourceError
from macaw_cli.basics.locks import folder_lock
from macaw_cli.config.loading import Workspace
from macaw_cli.training.batches import PackReader
from macaw_cli.training.checkpoint import Progress, load_checkpoint, newest_progress, save_checkpoint
from macaw_cli.training.continuing import require_continuable
from macaw_cli.training.deepspeed_setup import deepspeed_config, partitioned_loading, process_group
from macaw_cli.training.display import training_display
from macaw_cli.training.engine import TrainingEngine
from macaw_cli.training.epoch_plan import PlannedStep, plan_hash
from macaw_cli.training.finishing import finish_run, finished_report
from macaw_cli.training.job import TrainingJob, TrainingReport
from macaw_cli.training.launcher import launch
from macaw_cli.training.loop import Course, train_steps
from macaw_cli.training.materials import Materials, plan_run, prepare
from macaw_cli.training.metrics import Meter, MetricsLog
from macaw_cli.training.model_setup import DTYPES, model_without_weights, new_model
from macaw_cli.training.parameter_groups import freeze, parameter_counts
from macaw_cli.training.plan_report import checkpoint_bytes, print_plan
from macaw_cli.training.processes import choose_processes
from macaw_cli.training.run_folder import choose_run, write_versions
from macaw_cli.training.signals import StopRequest, exit_code, stop_on_signals
from macaw_cli.training.validation import Validation


def train(
    workspace: Workspace,
    dataset: Path | None = None,
    *,
    gpus: int | None = None,
    cpu_processes: int | None = None,
    resume: bool = False,
    plan: bool = False,
) -> TrainingReport | None:
    """Train a new run, or continue the newest unfinished one.

    Args:
        workspace: its settings hold.
        dataset: folder of training shards; default: `dataset.out`.
        gpus: number of GPUs, one process each; default: one if there is any.
        cpu_processes: number of CPU processes instead.
        resume: continue the newest unfinished run; without one, start a new run.
        plan: print what would be done, and stop.

    Returns:
        What it came to; None after `plan`.

    Raises:
        UsageError: settings or options that cannot be.
        InputError: no usable dataset or LLM.
        MismatchError: encoders that differ, or a run that cannot continue with what there is now.
        ResourceError: too few GPUs, a full disk, too little memory, a process that died.
        Interrupted: SIGINT or SIGTERM; a checkpoint is saved.
    """
    settings = workspace.settings
    processes = choose_processes(settings.training, gpus, cpu_processes)
    folder = dataset or workspace.path(settings.dataset.out)
    materials = prepare(workspace, folder)
    steps = plan_run(materials.tokens, settings)
    sketch = model_without_weights(materials.config)
    freeze(sketch, settings.training.train)
    if plan:
        print_plan(materials, sketch, steps, settings, processes)
        return None
    runs = workspace.path(settings.training.runs)
    require_free_space(runs, _bytes_to_write(sketch, workspace))
    chosen = choose_run(workspace, resume)
    job = TrainingJob(workspace, folder, chosen.folder, chosen.continues, processes)
    if job.run.is_finished:
        say(f"{job.run.path} is finished already: there is nothing to continue.")
        return finished_report(job.run)
    report = launch(job) if processes.count > 1 else train_in_this_process(job, materials)
    result(f"Trained {job.run.path} in {report.steps} steps. Next: macaw chat")
    return report


def train_in_this_process(job: TrainingJob, materials: Materials | None = None) -> TrainingReport:
    """The whole training, as the only process or as one rank of several.

    Args:
        job: what to do.
        materials: the inputs, where this process has opened them already.

    Raises:
        Interrupted: after SIGINT or SIGTERM, when the checkpoint is saved.
    """
    started = time.monotonic()
    with stop_on_signals() as stop, process_group(job.processes), _run_lock(job), _memory_is_told():
        torch.set_num_threads(job.processes.threads_each)
        materials = materials or prepare(job.workspace, job.dataset)
        steps = plan_run(materials.tokens, job.workspace.settings)
        engine = _engine(job, materials)
        progress = _start_or_continue(job, materials, engine, steps)
        done = _train(job, materials, engine, steps, progress, stop)
        report = finish_run(job, materials, engine, done, started) if done == len(steps) else None
        engine.close()
        del engine  # before the processes part: gloo must not find buffers that are still in use
    if report is None:
        assert stop.received is not None
        raise Interrupted(
            f"Stopped by {stop.received.name} after step {done} of {len(steps)}; a checkpoint is saved.",
            "`macaw train --resume` continues.",
            exit_code(stop.received),
        )
    return report


def _engine(job: TrainingJob, materials: Materials) -> TrainingEngine:
    settings = job.workspace.settings
    with partitioned_loading(deepspeed_config(settings.training, job.processes)):
        model = new_model(job.workspace, materials.config, materials.dataset)
        freeze(model, settings.training.train)
        return TrainingEngine(model, settings.training, job.processes)


def _start_or_continue(
    job: TrainingJob, materials: Materials, engine: TrainingEngine, steps: list[PlannedStep]
) -> Progress:
    """Load the newest checkpoint of a run that goes on; else note what the new run is made of."""
    progress = newest_progress(job.run.checkpoints) if job.continues else None
    if job.continues:
        settings = job.workspace.settings
        require_continuable(job.run, settings, job.processes, materials.identity, progress)
    if progress is None:
        if distributed.is_main():
            write_versions(job.run, materials.identity)
        again = " from the start, as it has no checkpoint yet" if job.continues else ""
        say(f"Training {job.run.path}{again}: {len(steps)} steps, {job.processes.count} x {job.processes.device}")
        return Progress()
    load_checkpoint(job.run.checkpoints, engine, progress)
    say(f"Continuing {job.run.path} after step {progress.step} of {len(steps)}")
    return progress


def _train(
    job: TrainingJob,
    materials: Materials,
    engine: TrainingEngine,
    steps: list[PlannedStep],
    progress: Progress,
    stop: StopRequest,
) -> int:
    """Train from where `progress` stands; returns the number of steps done."""
    settings = job.workspace.settings.training
    plan, is_main = plan_hash(steps), distributed.is_main()
    validation = Validation(materials, engine, batch_size=job.workspace.settings.evaluation.batch_size)

    def save(step: int, meter: Meter) -> None:
        now = Progress(step, plan, job.processes.count, meter.sums())
        save_checkpoint(job.run.checkpoints, engine, now, settings.keep_checkpoints)

    log: AbstractContextManager[MetricsLog | None] = MetricsLog(job.run, progress.step) if is_main else nullcontext()
    with log as rows, training_display(len(steps), progress.step) as display:
        course = Course(
            settings=settings,
            seed=job.workspace.settings.seed,
            steps=steps,
            engine=engine,
            reader=PackReader(materials.dataset, materials.rows, materials.tokens, DTYPES[settings.precision]),
            display=display,
            log=rows,
            stop=stop,
            validate=validation,
            save=save,
        )
        return train_steps(course, progress.step, Meter(**progress.meter))


def _run_lock(job: TrainingJob) -> AbstractContextManager[None]:
    return folder_lock(job.run.path) if distributed.is_main() else nullcontext()


def _bytes_to_write(sketch: torch.nn.Module, workspace: Workspace) -> int:
    """Room for the checkpoints that are kept, the one that is being written, and the model."""
    counts = parameter_counts(sketch).values()
    trained, frozen = sum(on for on, _ in counts), sum(off for _, off in counts)
    one = checkpoint_bytes(trained, frozen, workspace.settings)
    return one * (workspace.settings.training.keep_checkpoints + 1) + 4 * (trained + frozen)


class _memory_is_told:  # noqa: N801 - used as a context manager
    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, torch.OutOfMemoryError):
            raise ResourceError(
                f"The GPU's memory is full: {str(error).splitlines()[0]}",
                "Lower training.pack_tokens (and raise training.packs_per_step), set training.gradient_checkpointing, "
                "or raise training.zero_stage.",
            ) from error
