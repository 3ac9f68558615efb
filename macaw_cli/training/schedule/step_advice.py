"""Whether a training has enough optimizer steps, and which settings would give it enough: pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from macaw_cli.config.training_settings import ENOUGH_STEPS
from macaw_cli.training.schedule.stage_plan import mixture_of
from macaw_cli.training.schedule.stages import Stage
from macaw_cli.training.training_inputs import TrainingInputs

LARGEST_BATCH = 0.1
"""Of the conversations: a step that takes more of them averages away what single ones would teach."""
_ROUND = 64


@dataclass(frozen=True)
class StepFacts:
    """One stage in figures.

    Attributes:
        steps: optimizer steps.
        examples: conversations, each as often as it is taken.
        tokens: of all examples.
        conversations: of one epoch.
        epochs: `training.epochs`.
        sequence_length: `training.sequence_length`.
        global_batch_size: `training.global_batch_size`.
        processes: these share the sequences of a step equally.
        stage: its name; empty in a training without stages.
        place: of the stage among `training.stages`, from 0.
        own: settings that the stage has itself, so that the training's value counts for nothing.
    """

    steps: int
    examples: int
    tokens: int
    conversations: float
    epochs: float
    sequence_length: int
    global_batch_size: int
    processes: int = 1
    stage: str = ""
    place: int = 0
    own: frozenset[str] = frozenset()

    def key(self, name: str) -> str:
        """The dotted key that decides in this stage, such as `training.stages[1].epochs`."""
        return f"training.stages[{self.place}].{name}" if name in self.own else f"training.{name}"

    def words(self, key: str) -> str:
        """The key as a message names it: `--set` reaches no stage of a list."""
        return f"{key.rpartition('.')[2]} of stage `{self.stage}`" if "[" in key else key


@dataclass(frozen=True)
class StepWarning:
    """What is wrong with a stage, and values that would mend it."""

    text: str
    stage: str = ""
    suggestion: dict[str, float] = field(default_factory=dict)
    """Dotted key, such as `training.epochs` or `training.stages[1].epochs`, to value: to be set together."""
    alternative: dict[str, float] = field(default_factory=dict)
    """Instead of all these."""

    def as_json(self) -> dict[str, Any]:
        """The JSON object that `--json` prints."""
        return {"stage": self.stage or None, "text": self.text, "suggestion": self.suggestion,
                "alternative": self.alternative}  # fmt: skip


def step_warnings(
    inputs: TrainingInputs, stages: Sequence[Stage], processes: int, chosen_end: int | None
) -> list[StepWarning]:
    """A warning for every stage that has too large steps, or too few in a run that has too few in all.

    None where somebody chose their number.

    Args:
        inputs: what the training reads.
        stages: every step.
        processes: that will train.
        chosen_end: `training.max_steps` of the run.
    """
    warnings = []
    in_all = sum(len(stage.steps) for stage in stages)
    for place, stage in enumerate(stages):
        training = stage.settings
        if chosen_end is not None or training.max_steps is not None:
            continue
        facts = StepFacts(
            steps=len(stage.steps),
            examples=sum(step.examples for step in stage.steps),
            tokens=sum(step.tokens for step in stage.steps),
            conversations=sum(part.count * part.weight for part in mixture_of(inputs, training)),
            epochs=training.epochs,
            sequence_length=training.sequence_length,
            global_batch_size=training.global_batch_size,
            processes=processes,
            stage=stage.name,
            place=place,
            own=stage.own_settings,
        )
        if warning := step_warning(facts, few=in_all < ENOUGH_STEPS):
            warnings.append(warning)
    return warnings


def step_warning(facts: StepFacts, *, few: bool = True) -> StepWarning | None:
    """What to change so that there are at least 100 steps, each of at most a tenth of the conversations.

    Args:
        facts: of one stage.
        few: whether the run has fewer than 100 steps in all.

    Returns:
        None where there is nothing to change.
    """
    few, large = few and facts.steps < ENOUGH_STEPS, facts.examples / facts.steps > LARGEST_BATCH * facts.conversations
    if not (few or large):
        return None
    sequences, budget = _smaller_step(facts)
    suggestion: dict[str, float] = {}
    if sequences < facts.global_batch_size:
        suggestion[facts.key("global_batch_size")] = sequences
    if budget < facts.sequence_length:
        suggestion[facts.key("sequence_length")] = budget
    alternative: dict[str, float] = {}
    an_epoch = _an_epoch(facts, sequences, budget)
    steps = an_epoch * facts.epochs
    if steps < ENOUGH_STEPS:
        suggestion[facts.key("epochs")] = longer = math.ceil(ENOUGH_STEPS / an_epoch)
        steps = an_epoch * longer
    elif few:
        now = _an_epoch(facts, facts.global_batch_size, facts.sequence_length)
        alternative[facts.key("epochs")] = math.ceil(ENOUGH_STEPS / now)
    if not suggestion:  # it is one conversation a step already
        return None
    text = _text(facts, suggestion, alternative, round(steps), few=few)
    return StepWarning(text, facts.stage, suggestion, alternative)


def _smaller_step(facts: StepFacts) -> tuple[int, int]:
    """Packed sequences per step and tokens per sequence for steps that are small enough."""
    mean = facts.tokens / facts.examples
    wanted = max(1.0, min(LARGEST_BATCH * facts.conversations, facts.examples / ENOUGH_STEPS)) * mean
    sequences = min(facts.global_batch_size, int(wanted // facts.sequence_length) // facts.processes * facts.processes)
    if sequences:
        return sequences, facts.sequence_length
    budget = wanted / facts.processes
    rounded = int(budget // _ROUND * _ROUND) if budget >= 2 * _ROUND else max(math.floor(budget), 16)
    return facts.processes, min(rounded, facts.sequence_length)


def _an_epoch(facts: StepFacts, sequences: int, budget: int) -> float:
    """About so many steps; it has at least one."""
    per_sequence = max(1.0, budget * facts.examples / facts.tokens)
    return max(facts.conversations / (sequences * per_sequence), 1.0)


def _text(
    facts: StepFacts, suggestion: dict[str, float], alternative: dict[str, float], steps: int, *, few: bool
) -> str:
    subject = f"Stage {facts.stage}" if facts.stage else "The plan"
    count = f"{facts.steps:,} optimizer step" + ("" if facts.steps == 1 else "s")
    what = f"{subject} has {count} for {facts.conversations:,.0f} conversations"
    if not few:
        what += f": a step takes {facts.examples / facts.steps:,.0f} of them, more than a tenth"
    longer = facts.key("epochs")
    named = {key: f"{facts.words(key)} to {value:g}" for key, value in (alternative | suggestion).items()}
    lowered = " and ".join(named[key] for key in suggestion if key != longer)
    raised = " and ".join(named[key] for key in suggestion if key == longer)
    todo = " and ".join([*([f"lower {lowered}"] if lowered else []), *([f"raise {raised}"] if raised else [])])
    todo = f"{todo[0].upper()}{todo[1:]} (about {steps:,} steps)"
    for key in alternative:
        todo += f", or raise {named[key]}"
    return f"{what}. {todo}."
