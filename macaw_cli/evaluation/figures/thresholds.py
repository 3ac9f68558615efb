"""`--fail-under NAME=VALUE`: figures that must be reached, for scripts and continuous integration."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from macaw_cli.basics.closest_names import closest
from macaw_cli.basics.errors import QualityError, UsageError
from macaw_cli.basics.terminal_text import one_line

NO_FIGURES = ("version", "model", "models", "asked", "verdict", "judging")
"""Keys of the JSON of `macaw evaluate` that hold no measured figures."""
LEFT_OUT = frozenset({"overall", "modalities", "kinds", "metrics", "per_medium", "tasks", "conditions", "groups"})
"""Parts of a path that need not be typed: `modalities.image.reliance` is `image.reliance`."""
ALIASES = {"real": "accuracy"}
"""Figures that have a second name."""


@dataclass(frozen=True)
class Threshold:
    """A figure and the least value that is accepted.

    Args:
        name: such as `reliance` (of all questions with media), `image.reliance` or `image/colour.accuracy`.
        least: below it the command fails.
    """

    name: str
    least: float


def thresholds_of(typed: Sequence[str]) -> list[Threshold]:
    """What `--fail-under` says.

    Raises:
        UsageError: one is not of the form `NAME=VALUE` with a finite number.
    """
    return [_threshold(text) for text in typed]


def require_reached(figures: Mapping[str, Any], thresholds: Sequence[Threshold]) -> None:
    """Fail where a figure is below its threshold, or was not measured.

    Args:
        figures: the JSON of `macaw evaluate --json`.
        thresholds: what must be reached.

    Raises:
        UsageError: there is no figure of that name; the nearest ones are named.
        QualityError: one or more are below; each is named with its value.
    """
    known = named_figures(figures)
    missed = []
    for threshold in thresholds:
        if threshold.name not in known:
            near = closest(threshold.name, known, count=3)
            hint = f"Did you mean {' or '.join(near)}?" if near else "macaw evaluate --json shows all figures."
            raise UsageError(f"--fail-under: there is no figure {one_line(threshold.name)} in this evaluation.", hint)
        value = known[threshold.name]
        if value is None:
            missed.append(f"{threshold.name} was not measured, and must be at least {threshold.least:g}")
        elif not value >= threshold.least:
            missed.append(f"{threshold.name} is {value:g}, below {threshold.least:g}")
    if missed:
        raise QualityError(f"{'; '.join(missed)}.", "The figures are above; docs/evaluation.md says what they mean.")


def named_figures(figures: Mapping[str, Any]) -> dict[str, float | None]:
    """Every figure by the names that `--fail-under` takes: the whole path, and the path without `LEFT_OUT`."""
    found: dict[str, float | None] = {}
    for path, value in _leaves({key: below for key, below in figures.items() if key not in NO_FIGURES}):
        short = [part for part in path if part not in LEFT_OUT]
        for parts in (path, short, [*short[:-1], ALIASES.get(short[-1], short[-1])]):
            found.setdefault(".".join(parts), value)
    return found


def _leaves(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[list[str], float | None]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, key))
        elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            yield [*path, key], value


def _threshold(text: str) -> Threshold:
    name, equals, number = text.rpartition("=")
    try:
        least = float(number)
    except ValueError:
        least = math.nan
    if not equals or not name.strip() or not math.isfinite(least):
        raise UsageError(
            f"--fail-under takes NAME=VALUE, not {one_line(text)}.",
            "Give a figure and a number, such as --fail-under reliance=0.3 or --fail-under image.reliance=0.5.",
        )
    return Threshold(name.strip(), least)
