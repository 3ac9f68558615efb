"""The settings of each stage of a recipe: its own values over the training's."""

from dataclasses import fields, replace
from typing import Literal

from macaw_cli.config.training_settings import GroupSettings, GroupsSettings, StageSettings, TrainingSettings


def stage_settings(training: TrainingSettings) -> list[tuple[str, TrainingSettings]]:
    """Name and settings of each stage: its own values over the training's; the training itself without stages.

    Args:
        training: the run's settings.
    """
    if not training.stages:
        return [("", training)]
    return [(stage.name, _merged(training, stage)) for stage in training.stages]


def trained_groups(training: TrainingSettings) -> tuple[str, ...]:
    """The groups that any stage trains."""
    return tuple(dict.fromkeys(group for _, settings in stage_settings(training) for group in settings.train))


def peak_bridge_rate(training: TrainingSettings) -> float | None:
    """The highest learning rate of the bridge in any stage; None where no stage trains it."""
    stages = [settings for _, settings in stage_settings(training) if "bridge" in settings.train]
    return max((settings.peak_learning_rate("bridge") for settings in stages), default=None)


def template_of(training: TrainingSettings) -> Literal["alpaca", "chat", "plain", "as_published"]:
    """Name of the template in which a stage, or a training without stages, encodes its conversations."""
    return "as_published" if training.as_published else training.template or "alpaca"


def _merged(training: TrainingSettings, stage: StageSettings) -> TrainingSettings:
    own = given_values(stage)
    own.pop("name")
    if stage.groups is not None:
        own["groups"] = _merged_groups(training.groups, stage.groups)
    if own.get("objective", training.objective) == "media-text":
        own |= {"train": ("bridge",), "swap_negatives": 0.0}
    return replace(training, stages=(), **own)  # type: ignore[arg-type]


def _merged_groups(training: GroupsSettings, stage: GroupsSettings) -> GroupsSettings:
    merged = {}
    for group in fields(GroupsSettings):
        before, own = getattr(training, group.name), getattr(stage, group.name)
        merged[group.name] = replace(before, **given_values(own))
    return GroupsSettings(**merged)


def given_values(settings: StageSettings | GroupSettings) -> dict[str, object]:
    """What is not left to the training."""
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return {name: value for name, value in values.items() if value is not None}
