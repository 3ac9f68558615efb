"""A recipe: stages that train one after the other on one model, each with its own settings and its own plan.

Steps are numbered over all stages, in checkpoints, logs and on the screen; learning rates count a stage's own steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from macaw_cli.basics.console import say
from macaw_cli.config.settings import Settings
from macaw_cli.config.stages import given_values, stage_settings
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training.data.epoch_plan import PlannedStep
from macaw_cli.training.data.swapped_tokens import Swap, SwappedTokens
from macaw_cli.training.schedule.stage_plan import plan_stage
from macaw_cli.training.training_inputs import TrainingInputs


@dataclass(frozen=True)
class Stage:
    """One stage, planned."""

    name: str
    """Its name in the recipe; empty in a training without stages."""
    settings: TrainingSettings
    """The training's settings with this stage's own values in them."""
    steps: list[PlannedStep]
    first_step: int
    """Steps of all stages before this one."""
    trained_before: frozenset[str] = frozenset()
    """Groups that the stages before it train: they differ from what a new model begins with."""
    own_settings: frozenset[str] = frozenset()
    """Settings that the recipe gives this stage itself: there, the training's value counts for nothing."""
    swaps: tuple[Swap, ...] = ()
    """The swapped examples of its epochs, numbered behind those of the stages before it."""

    @property
    def last_step(self) -> int:
        """Steps done when this stage ends."""
        return self.first_step + len(self.steps)


def plan_stages(inputs: TrainingInputs, settings: Settings) -> list[Stage]:
    """Every optimizer step of the run, stage by stage; `training.max_steps` ends it, in whatever stage that is.

    Args:
        inputs: the tokenised conversations.
        settings: recipe and seed hold; each stage has an order of conversations of its own.
    """
    stages: list[Stage] = []
    trained: frozenset[str] = frozenset()
    for number, (name, training) in enumerate(stage_settings(settings.training)):
        before = stages[-1].last_step if stages else 0
        if settings.training.max_steps is not None:
            if before >= settings.training.max_steps:
                break
            left = settings.training.max_steps - before
            training = replace(training, max_steps=min(left, training.max_steps or left))
        swaps = [swap for stage in stages for swap in stage.swaps]
        earlier = len(swaps)
        steps = plan_stage(inputs, training, settings.seed + number, swaps)
        own = frozenset(given_values(settings.training.stages[number])) if settings.training.stages else frozenset()
        stages.append(Stage(name, training, steps, before, trained, own, tuple(swaps[earlier:])))
        trained |= frozenset(training.train)
    return stages


def with_swaps(inputs: TrainingInputs, stages: Sequence[Stage]) -> TrainingInputs:
    """The inputs with the swapped examples of all stages behind the conversations, as the stages number them.

    Args:
        inputs: that the stages were planned on.
        stages: all of the run.
    """
    swaps = [swap for stage in stages for swap in stage.swaps]
    return replace(inputs, tokens=SwappedTokens(inputs.tokens, swaps)) if swaps else inputs


def tell_swapped(stages: Sequence[Stage]) -> None:
    """Say how many examples get another example's media, and how many of them the dataset contradicts."""
    for stage in stages:
        if not stage.settings.swap_negatives:
            continue
        examples, swapped = sum(step.examples for step in stage.steps), sum(step.swapped for step in stage.steps)
        where = f" of stage {stage.name}" if stage.name else ""
        say(f"{swapped:,} of {examples:,} examples{where} get the media of another one.")
        contradicted = sum(swap.asked_of_both for swap in stage.swaps)
        if contradicted:
            share = contradicted / len(stage.swaps)
            say(
                f"Warning: in {share:.0%} of them, the dataset asks the same question about the other media as well, "
                "and answers it. training.swap_negatives is for questions that only their own media answer."
            )


def all_steps(stages: Sequence[Stage]) -> list[PlannedStep]:
    """The steps of all stages behind each other."""
    return [step for stage in stages for step in stage.steps]


def stages_left(stages: Sequence[Stage], step: int) -> list[Stage]:
    """The stages that are to be gone through when a run continues after `step` steps.

    The first is the one whose engine wrote the checkpoint of that step: at a border it has nothing left to train, and
    hands the model over just as it would have without the interruption.
    """
    return [stage for stage in stages if stage.last_step >= step]
