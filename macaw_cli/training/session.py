"""The training from end to end, in one process or as one rank of several: model, engine, loop, model folder."""

import os
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import torch

from macaw_cli.basics import distributed
from macaw_cli.basics.atomic_files import write_json
from macaw_cli.basics.console import say
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import Interrupted
from macaw_cli.basics.locks import folder_lock
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.model.packing.attention_choice import no_cudnn_attention
from macaw_cli.training.checkpoints.final_model import finish_run
from macaw_cli.training.checkpoints.folder import checkpoint_name, newest_progress, read_progress
from macaw_cli.training.checkpoints.loading import load_best, load_checkpoint
from macaw_cli.training.checkpoints.resume_checks import require_continuable, require_same_plan
from macaw_cli.training.checkpoints.saving import save_checkpoint
from macaw_cli.training.data.epoch_plan import plan_hash
from macaw_cli.training.job import TrainingJob, TrainingReport
from macaw_cli.training.objectives.registry import new_objective
from macaw_cli.training.reporting.display import TrainingDisplay, training_display
from macaw_cli.training.reporting.metrics import MetricsLog
from macaw_cli.training.reporting.mfu import peak_of
from macaw_cli.training.run_folder import write_versions
from macaw_cli.training.schedule.objective_checks import require_possible_plan
from macaw_cli.training.schedule.stages import Stage, all_steps, plan_stages, stages_left, tell_swapped, with_swaps
from macaw_cli.training.schedule.step_advice import step_warnings
from macaw_cli.training.steps.deepspeed_config import deepspeed_config
from macaw_cli.training.steps.deepspeed_setup import partitioned_loading, process_group
from macaw_cli.training.steps.device_failures import device_failures_are_told
from macaw_cli.training.steps.engine import TrainingEngine, device_of
from macaw_cli.training.steps.loop import Course, stopped_early, train_steps
from macaw_cli.training.steps.progress import BestValidation, Progress
from macaw_cli.training.steps.rank_agreement import of_first_rank, stop_is_agreed
from macaw_cli.training.steps.stop_signals import StopRequest, exit_code, stop_on_signals
from macaw_cli.training.training_inputs import TrainingInputs, prepare
from macaw_cli.training.tuning.model_setup import new_model
from macaw_cli.training.tuning.parameter_groups import freeze


def train_in_this_process(job: TrainingJob, inputs: TrainingInputs | None = None) -> TrainingReport:
    """The whole training, as the only process or as one rank of several.

    Args:
        job: what to do.
        inputs: what the training reads, where this process has opened them already.

    Raises:
        Interrupted: after SIGINT or SIGTERM, when the checkpoint is saved.
    """
    started = time.monotonic()
    with (
        stop_on_signals() as stop,
        process_group(job.processes),
        _run_lock(job),
        device_failures_are_told(),
        no_cudnn_attention(),
    ):
        torch.set_num_threads(job.processes.threads_each)
        _choose_kernels(job.workspace.settings.training.deterministic)
        inputs = inputs or prepare(job.workspace)
        stages = plan_stages(inputs, job.workspace.settings)
        require_possible_plan(inputs, stages)
        inputs = with_swaps(inputs, stages)
        tell_swapped(stages)
        if not job.continues:
            for warning in step_warnings(
                inputs, stages, job.processes.count, job.workspace.settings.training.max_steps
            ):
                say(f"Warning: {warning.text}")
        session = _Session(job, inputs, stages, stop)
        done = session.train()
        report = finish_run(job, inputs, session.engine, done, started) if session.finished else None
        session.close()
    if report is None:
        assert stop.received is not None
        raise Interrupted(
            f"Stopped by {stop.received.name} after step {done} of {session.total_steps}; a checkpoint is saved.",
            "`macaw train --resume`, with the same options, continues.",
            exit_code(stop.received),
        )
    return report


def _choose_kernels(deterministic: bool) -> None:
    """Ask for kernels that repeat to the bit; where torch has none, the operation fails.

    With `warn_only`, the backward passes of the flash and memory-efficient attention kernels only warn, though both
    have a deterministic form.
    """
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS promises it for a fixed workspace only
    torch.use_deterministic_algorithms(deterministic)


class _Session:
    """One model on its way through the stages that are left, under one engine after another."""

    engine: TrainingEngine
    """Settings of the current stage, or of the last one."""

    def __init__(self, job: TrainingJob, inputs: TrainingInputs, stages: Sequence[Stage], stop: StopRequest) -> None:
        self._job, self._inputs, self._stop = job, inputs, stop
        self._plan = plan_hash(all_steps(stages), [swap for stage in stages for swap in stage.swaps])
        self.total_steps = stages[-1].last_step
        self.finished = False
        self._trained: Any = None  # by the engine before, or by this one
        self._continued = self._find_progress()
        self._progress = replace(self._continued or Progress(), plan=self._plan, world_size=job.processes.count)
        self._stages = stages_left(stages, self._progress.step)

    def train(self) -> int:
        """Train from where the run stands; returns the number of steps done."""
        job, done = self._job, self._progress.step
        model = self._begin()
        log: AbstractContextManager[MetricsLog | None] = nullcontext()
        if distributed.is_main():
            log = MetricsLog(job.run, done, job.workspace.settings.training.trackers)
        peak = peak_of(self.engine.device)
        with log as rows, training_display(self.total_steps, done, peak_flops=peak) as display:
            display.facts.remember(rows.earlier if rows else [])
            for number, stage in enumerate(self._stages):
                if number:
                    self.close()
                    self.engine = self._engine(model, stage)
                    self._progress = replace(self._progress, best=BestValidation(), meter={})
                if stage.name:
                    say(f"Stage {stage.name}: steps {stage.first_step + 1} to {stage.last_step}")
                work = self._objective.work(self.engine.model, job.processes.count, told=peak is not None)
                display.begin_stage(stage.name, work)
                course = self._course(stage, display, rows)
                self._progress = train_steps(course, self._progress)
                early, stopped = stopped_early(self._progress, stage.settings), self._stop_is_agreed()
                if early and stage is not self._stages[-1] and not stopped:
                    self._leave_out_the_rest(course)
                elif early or self._progress.step < stage.last_step or stopped:
                    break
        self.finished = (early and stage is self._stages[-1]) or self._progress.step == self.total_steps
        if self.finished:
            self._take_best(stage.settings)
        return self._progress.step

    def _leave_out_the_rest(self, course: Course) -> None:
        """Count a stage that has stopped early as done, in a checkpoint, so that a resume begins with the next one."""
        if self._progress.step < course.last_step:
            self._progress = replace(self._progress, step=course.last_step)
            course.save(self._progress)

    def _take_best(self, settings: TrainingSettings) -> None:
        """Go back to the weights with the lowest validation loss, where the settings ask for them."""
        best = self._progress.best
        if settings.model_from == "best" and best.step not in (0, self._progress.step):
            say(f"The model gets the weights of step {best.step}, which had the lowest validation loss")
            load_best(self._job.run.checkpoints, self.engine, best)

    def close(self) -> None:
        """Let go of the engine: gloo must not find buffers that are still in use when the processes part."""
        self.engine.close()
        del self.engine

    def _find_progress(self) -> Progress | None:
        """Where the newest checkpoint of a run that goes on stands, when it may go on; else None."""
        job = self._job
        if not job.continues:
            return None
        progress = self._newest_progress()
        require_continuable(job.run, job.workspace.settings, job.processes, self._inputs.identity, progress)
        if progress is not None:
            require_same_plan(job.run, progress.plan, self._plan)
        return progress

    def _newest_progress(self) -> Progress | None:
        """What the first rank finds, for all ranks: a shared disk may show each of them something else."""
        folder = self._job.run.checkpoints
        found = newest_progress(folder) if distributed.is_main() else None
        step = of_first_rank(found.step if found else None, device_of(self._job.processes))
        return None if step is None else found or read_progress(folder / checkpoint_name(step))

    def _stop_is_agreed(self) -> bool:
        """Whether to end here; a signal may have come to one rank only, after the stage's last step."""
        return stop_is_agreed(self._stop, self.engine.device)

    def _begin(self) -> Any:
        """The model and its first engine, with the newest checkpoint in them; or note what a new run is made of."""
        job, settings = self._job, self._job.workspace.settings
        with partitioned_loading(deepspeed_config(settings.training, job.processes)):
            inputs, device = self._inputs, job.processes.device
            model = new_model(job.workspace, inputs.config, inputs.dataset, device, tokenizer=inputs.tokenizer)
            self.engine = self._engine(model, self._stages[0])
        if self._continued:
            load_checkpoint(job.run.checkpoints, self.engine, self._continued)
            say(f"Continuing {job.run.path} after step {self._continued.step} of {self.total_steps}")
            return model
        if distributed.is_main():
            write_versions(job.run, self._inputs.identity)
        again = " from the start, because it has no checkpoint yet" if job.continues else ""
        processes = f"{job.processes.count} x {job.processes.device}"
        say(f"Training {job.run.path}{again}: {counted(self.total_steps, 'step')}, {processes}")
        return model

    def _engine(self, model: Any, stage: Stage) -> TrainingEngine:
        self._objective = new_objective(self._inputs, stage.settings)
        self._trained = self._objective.module(model, self._trained, self._job.workspace.settings.seed)
        freeze(self._trained, stage.settings.train)
        engine = TrainingEngine(self._trained, stage.settings, self._job.processes, stage.trained_before)
        if distributed.is_main():
            write_json(self._job.run.deepspeed_file(stage.name), engine.config)
        return engine

    def _course(self, stage: Stage, display: TrainingDisplay, log: MetricsLog | None) -> Course:
        job, settings = self._job, stage.settings

        def save(progress: Progress) -> None:
            folder, keep = job.run.checkpoints, settings.keep_checkpoints
            save_checkpoint(folder, self.engine, progress, keep=keep, keep_best=settings.keep_best)

        figures = self._objective.figures(self._progress.loss_weights)
        return Course(
            settings=settings,
            seed=job.workspace.settings.seed,
            stage=stage.name,
            steps=stage.steps,
            first_step=stage.first_step,
            engine=self.engine,
            reader=self._objective.reader(self.engine.device, figures),
            display=display,
            log=log,
            stop=self._stop,
            validate=self._objective.validation(self.engine, job.workspace.settings.evaluation.batch_size),
            save=save,
            weights=figures,
        )


def _run_lock(job: TrainingJob) -> AbstractContextManager[None]:
    return folder_lock(job.run.path) if distributed.is_main() else nullcontext()
