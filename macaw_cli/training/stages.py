"""A recipe: stages that train one after the other on one model, each with its own settings and its own plan.

Steps are numbered over all stages, in checkpoints, logs and on the screen; learning rates count a stage's own steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from macaw_cli.config.settings import Settings
from macaw_cli.config.training_settings import GroupSettings, GroupsSettings, StageSettings, TrainingSettings
from macaw_cli.training.data.epoch_plan import PlannedStep

if TYPE_CHECKING:
    from macaw_cli.training.materials import Materials


@dataclass(frozen=True)
class Stage:
    """One stage, planned."""

    name: str
    """As the recipe calls it; empty in a training without stages."""
    settings: TrainingSettings
    """The training's settings with this stage's own values in them."""
    steps: list[PlannedStep]
    first_step: int
    """Steps of all stages before this one."""
    trained_before: frozenset[str] = frozenset()
    """Groups that the stages before it train: they differ from what a new model begins with."""
    own_settings: frozenset[str] = frozenset()
    """Settings that the recipe gives this stage itself: there, the training's value counts for nothing."""

    @property
    def last_step(self) -> int:
        """Steps done when this stage ends."""
        return self.first_step + len(self.steps)


def stage_settings(training: TrainingSettings) -> list[tuple[str, TrainingSettings]]:
    """Name and settings of each stage: its own values over the training's; the training itself without stages.

    Args:
        training: the run's settings.
    """
    if not training.stages:
        return [("", training)]
    return [(stage.name, _merged(training, stage)) for stage in training.stages]


def plan_stages(materials: "Materials", settings: Settings) -> list[Stage]:
    """Every optimizer step of the run, stage by stage; `training.max_steps` ends it, in whatever stage that is.

    Args:
        materials: the tokenised conversations.
        settings: recipe and seed hold; each stage has an order of conversations of its own.
    """
    from macaw_cli.training.materials import plan_stage

    stages: list[Stage] = []
    trained: frozenset[str] = frozenset()
    for number, (name, training) in enumerate(stage_settings(settings.training)):
        before = stages[-1].last_step if stages else 0
        if settings.training.max_steps is not None:
            if before >= settings.training.max_steps:
                break
            left = settings.training.max_steps - before
            training = replace(training, max_steps=min(left, training.max_steps or left))
        steps = plan_stage(materials, training, settings.seed + number)
        own = frozenset(_given(settings.training.stages[number])) if settings.training.stages else frozenset()
        stages.append(Stage(name, training, steps, before, trained, own))
        trained |= frozenset(training.train)
    return stages


def all_steps(stages: Sequence[Stage]) -> list[PlannedStep]:
    """The steps of all stages behind each other."""
    return [step for stage in stages for step in stage.steps]


def stages_left(stages: Sequence[Stage], step: int) -> list[Stage]:
    """The stages that are to be gone through when a run continues after `step` steps.

    The first is the one whose engine wrote the checkpoint of that step: at a border it has nothing left to train, and
    hands the model over just as it would have without the interruption.
    """
    return [stage for stage in stages if stage.last_step >= step]


def trained_groups(training: TrainingSettings) -> tuple[str, ...]:
    """The groups that any stage trains."""
    return tuple(dict.fromkeys(group for _, settings in stage_settings(training) for group in settings.train))


def _merged(training: TrainingSettings, stage: StageSettings) -> TrainingSettings:
    own = _given(stage)
    own.pop("name")
    if stage.groups is not None:
        own["groups"] = _merged_groups(training.groups, stage.groups)
    return replace(training, stages=(), **own)  # type: ignore[arg-type]


def _merged_groups(training: GroupsSettings, stage: GroupsSettings) -> GroupsSettings:
    merged = {}
    for group in fields(GroupsSettings):
        before, own = getattr(training, group.name), getattr(stage, group.name)
        merged[group.name] = replace(before, **_given(own))
    return GroupsSettings(**merged)


def _given(settings: StageSettings | GroupSettings) -> dict[str, object]:
    """What is not left to the training."""
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return {name: value for name, value in values.items() if value is not None}
