"""The training from end to end, in one process or as one rank of several: model, engine, loop, model folder."""

import os
import time
from contextlib import AbstractContextManager, nullcontext

import torch

from macaw_cli.basics import distributed
from macaw_cli.basics.console import say
from macaw_cli.basics.errors import Interrupted, ResourceError
from macaw_cli.basics.locks import folder_lock
from macaw_cli.training.batches import PackReader
from macaw_cli.training.checkpoint import Progress, load_checkpoint, newest_progress, save_checkpoint
from macaw_cli.training.continuing import require_continuable, require_same_plan
from macaw_cli.training.deepspeed_setup import deepspeed_config, partitioned_loading, process_group
from macaw_cli.training.display import training_display
from macaw_cli.training.engine import TrainingEngine
from macaw_cli.training.epoch_plan import PlannedStep, plan_hash
from macaw_cli.training.finishing import finish_run
from macaw_cli.training.job import TrainingJob, TrainingReport
from macaw_cli.training.loop import Course, train_steps
from macaw_cli.training.materials import Materials, plan_run, prepare
from macaw_cli.training.metrics import Meter, MetricsLog
from macaw_cli.training.model_setup import DTYPES, new_model
from macaw_cli.training.parameter_groups import freeze
from macaw_cli.training.run_folder import write_versions
from macaw_cli.training.signals import StopRequest, exit_code, stop_on_signals
from macaw_cli.training.validation import Validation


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
        _choose_kernels(job.workspace.settings.training.deterministic)
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
            "`macaw train --resume`, with the same options, continues.",
            exit_code(stop.received),
        )
    return report


def _choose_kernels(deterministic: bool) -> None:
    """Ask for kernels that repeat to the bit; where torch has none it warns and takes the other."""
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS promises it for a fixed workspace only
    torch.use_deterministic_algorithms(deterministic, warn_only=True)


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
    require_same_plan(job.run, progress.plan, plan_hash(steps))
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


class _memory_is_told:  # noqa: N801 - used as a context manager
    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, torch.OutOfMemoryError):
            raise ResourceError(
                f"The GPU's memory is full: {str(error).splitlines()[0]}",
                "Lower training.pack_tokens (and raise training.packs_per_step), set training.gradient_checkpointing, "
                "or raise training.zero_stage.",
            ) from error
