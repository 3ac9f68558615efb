"""How long a training will take, from three real steps on this machine: the real model, data and optimizer.

Nothing is written. Of several processes one is measured, with the sequences that would be its own; what they tell each
other is not in the figures.
"""

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import torch

from macaw_cli.basics.console import say
from macaw_cli.basics.time_limit import TimeUp, time_limit
from macaw_cli.config.loading import Workspace
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.model.packing.attention_choice import no_cudnn_attention
from macaw_cli.planning.peak_memory import PeakMemory
from macaw_cli.training.data.epoch_plan import PlannedStep
from macaw_cli.training.data.reader import read_ahead
from macaw_cli.training.objectives.objective import Objective
from macaw_cli.training.objectives.registry import new_objective
from macaw_cli.training.processes import Processes
from macaw_cli.training.schedule.learning_rates import learning_rates
from macaw_cli.training.schedule.stages import Stage
from macaw_cli.training.steps.deepspeed_config import deepspeed_config
from macaw_cli.training.steps.deepspeed_setup import partitioned_loading, process_group
from macaw_cli.training.steps.device_failures import device_failures_are_told
from macaw_cli.training.steps.engine import TrainingEngine
from macaw_cli.training.steps.step import train_step
from macaw_cli.training.steps.step_clock import StepClock
from macaw_cli.training.steps.stop_signals import StopRequest
from macaw_cli.training.training_inputs import TrainingInputs
from macaw_cli.training.tuning.model_setup import new_model
from macaw_cli.training.tuning.parameter_groups import freeze

MEASURED = 3
LIMIT_S = 60.0
"""For all of it, loading the model included: what is not measured by then stays unknown."""
SPREAD = 1.2
"""Steps whose tokens differ by this factor distinguish the cost of a step from the cost of a token."""


@dataclass(frozen=True)
class MeasuredStep:
    """One real step of one process."""

    tokens: int
    seconds: dict[str, float]
    """By phase: load, forward, backward, optimizer."""


@dataclass(frozen=True)
class Measurement:
    """What the steps of one stage took."""

    stage: str
    steps: tuple[MeasuredStep, ...]
    peak_bytes: int | None
    """Memory of the stage's fullest moment above what the process had before the model was loaded; None where the
    system does not tell. Loading is not in it."""

    def seconds(self, step_tokens: Sequence[int]) -> float:
        """Expected time of steps with so many tokens per process: a line through what was measured."""
        fixed, per_token = self._line()
        return fixed * len(step_tokens) + per_token * sum(step_tokens)

    def _line(self) -> tuple[float, float]:
        """Seconds of a step, whatever is in it, and of each token."""
        updates = float(np.mean([step.seconds.get("optimizer", 0.0) for step in self.steps]))
        tokens = np.array([step.tokens for step in self.steps], float)
        rest = np.array([sum(step.seconds.values()) for step in self.steps]) - updates
        if len(tokens) > 1 and tokens.max() > SPREAD * tokens.min():
            slope, start = np.polyfit(tokens, rest, 1)
            if slope > 0 and start > 0:
                return updates + float(start), float(slope)
        return updates, float(rest.sum() / tokens.sum())


def measure(
    workspace: Workspace, inputs: TrainingInputs, stages: Sequence[Stage], processes: Processes
) -> list[Measurement]:
    """Run three steps of each stage after a warm-up, and say so, as it may take a minute.

    Args:
        workspace: its settings hold.
        inputs: what the training reads.
        stages: the plan.
        processes: as the training would have them.

    Returns:
        One per stage, in order; stages of which no step was done in time are missing at the end.

    Raises:
        InputError: the LLM's weights cannot be read.
        ResourceError: too little memory.
    """
    say(f"Measuring real steps of the training, for at most {LIMIT_S:.0f} s ...")
    measured: list[Measurement] = []
    try:
        with time_limit(LIMIT_S):
            _measure_stages(workspace, inputs, stages, processes, measured)
    except TimeUp:
        steps = sum(len(one.steps) for one in measured)
        say(f"Measuring stopped after {LIMIT_S:.0f} s, with {steps} of {MEASURED * len(stages)} steps done.")
    return [one for one in measured if one.steps]


def _measure_stages(
    workspace: Workspace, inputs: TrainingInputs, stages: Sequence[Stage], processes: Processes,
    measured: list[Measurement],
) -> None:  # fmt: skip
    """Add to `measured` stage by stage and step by step, so that what is done is there when the time is over."""
    one, training, began = Processes(1, processes.device), workspace.settings.training, time.monotonic()
    with device_failures_are_told(), process_group(one), no_cudnn_attention():
        torch.set_num_threads(processes.threads_each)
        memory = PeakMemory(processes.device)
        with partitioned_loading(deepspeed_config(_of_one(training, processes.count), one)):
            model = new_model(workspace, inputs.config, inputs.dataset, one.device)
            for number, stage in enumerate(stages, start=1):
                settings = _of_one(stage.settings, processes.count)
                memory.forget_peak()
                objective, seed = new_objective(inputs, settings), workspace.settings.seed
                trained = objective.module(model, None, seed)
                freeze(trained, settings.train)
                with closing(TrainingEngine(trained, settings, one, stage.trained_before)) as engine:
                    engine.train()
                    with closing(_measured(objective, stage, engine, processes.count, seed)) as steps:
                        for step in steps:
                            so_far = measured.pop().steps if len(measured) == number else ()
                            measured.append(Measurement(stage.name, (*so_far, step), memory.growth()))
                            if time.monotonic() - began > LIMIT_S * number / len(stages):  # the others need time too
                                break
                del engine, steps


def _of_one(training: TrainingSettings, count: int) -> TrainingSettings:
    """The settings of one process of `count`."""
    return replace(training, global_batch_size=training.global_batch_size // count, stages=())


def _measured(
    objective: Objective, stage: Stage, engine: TrainingEngine, count: int, seed: int
) -> Generator[MeasuredStep]:
    warm_up, *typical = [_of_rank(step, count) for step in typical_steps(stage.steps)]
    lengths, reader = objective.inputs.tokens.lengths, objective.reader(engine.device)
    sequences = [sequence for step in (warm_up, *typical) for sequence in step.sequences]
    batches = read_ahead(reader, sequences, replace(engine.processes, count=count).reader_threads)
    clock, stop = StepClock(engine.device), StopRequest()
    # one rate for all groups, as small as a warm-up's: the steps are real, their result does not matter
    rates = learning_rates(0, engine.settings, 1000)
    with closing(batches):
        for number, step in enumerate((warm_up, *typical)):
            clock.start()
            targets = reader.targets(step)
            train_step(engine, step, batches, rates, seed=seed, step=number, stop=stop, clock=clock, targets=targets)
            seconds = clock.collect(wait=True)
            if number:
                tokens = sum(int(lengths[example]) for sequence in step.sequences for example in sequence)
                yield MeasuredStep(tokens, seconds)


def typical_steps(steps: Sequence[PlannedStep]) -> list[PlannedStep]:
    """A middle one to warm up, then a smaller, a middle and a larger one of the plan; one may be taken twice."""
    by_size = sorted(steps, key=lambda step: step.tokens)
    places = [(2 * part + 1) * len(by_size) // (2 * MEASURED) for part in range(MEASURED)]
    return [by_size[len(by_size) // 2], *(by_size[place] for place in places)]


def _of_rank(step: PlannedStep, count: int) -> PlannedStep:
    return replace(step, sequences=step.sequences_of(0, count))
