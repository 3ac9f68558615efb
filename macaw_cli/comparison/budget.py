"""`--budget`: how long every design is trained, in optimizer steps, in tokens, or in minutes of steps."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.shown_text import shown
from macaw_cli.config.training_settings import TrainingSettings

Unit = Literal["steps", "tokens", "minutes"]
_FORM = re.compile(r"([0-9][0-9_]{0,14}(?:\.[0-9]{1,6})?)\s*(step|token|minute)s?")
_EXAMPLE = "For example: --budget 300steps, --budget 2000000tokens or --budget 10minutes."


@dataclass(frozen=True)
class Budget:
    """An amount that every design may use.

    Attributes:
        amount: more than 0; whole where the unit is not minutes.
        unit: of the amount. Tokens are positions of the LLM's input, soft tokens included; minutes are those of
            optimizer steps alone, without validations and checkpoints.
    """

    amount: float
    unit: Unit

    def __str__(self) -> str:
        return f"{self.amount:,.10g} {self.unit if self.amount != 1 else self.unit[:-1]}"


def parse_budget(text: str) -> Budget:
    """`300steps`, `2000000tokens` or `10minutes`; underscores between digits and a space before the unit may stand.

    Raises:
        UsageError: it is not of that form.
    """
    found = _FORM.fullmatch(text.strip().lower())
    amount = float(found[1].replace("_", "")) if found else 0.0
    if not found or not amount:
        raise UsageError(f"--budget takes a number of steps, tokens or minutes, found {shown(text)}.", _EXAMPLE)
    unit: Any = f"{found[2]}s"
    if unit != "minutes" and not amount.is_integer():
        raise UsageError(f"--budget takes a whole number of {unit}, found {shown(text)}.", _EXAMPLE)
    return Budget(amount, unit)


def require_no_stages(training: TrainingSettings, budget: Budget | None) -> None:
    """Refuse a budget for a recipe, whose stages say themselves how long they are.

    Raises:
        UsageError: there are stages.
    """
    if budget and training.stages:
        raise UsageError(
            f"--budget cannot be combined with a recipe: training.stages has {len(training.stages)} stages, each with "
            "a length of its own.",
            "Add --set 'training.stages=[]' to train without stages, or give --set training.max_steps=N instead of "
            "--budget: at most so many steps in each stage that has no number of its own.",
        )


def of_steps(steps: int, training: TrainingSettings) -> dict[str, Any]:
    """Dotted key to value of the settings that make a training of exactly so many steps.

    An epoch has at least one step, so that as many epochs always suffice.
    """
    return {"training.max_steps": steps, "training.epochs": max(training.epochs, float(steps))}


def endless(training: TrainingSettings, steps: int) -> TrainingSettings:
    """The training with at least so many steps planned."""
    return replace(training, max_steps=steps, epochs=max(training.epochs, float(steps)))


def steps_of_tokens(step_tokens: Sequence[int], tokens: float) -> int:
    """How many of the first steps have at most so many tokens together; at least one.

    Args:
        step_tokens: tokens of each planned step.
        tokens: of the budget.
    """
    done = 0
    for number, count in enumerate(step_tokens):
        done += count
        if done > tokens:
            return max(number, 1)
    return len(step_tokens)


def steps_of_minutes(minutes: float, seconds_per_step: float) -> int:
    """How many steps a training takes in so many minutes, from what one step takes; at least one."""
    return max(int(minutes * 60 / seconds_per_step), 1)
