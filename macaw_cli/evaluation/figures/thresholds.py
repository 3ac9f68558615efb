"""`--fail-under NAME=VALUE`: figures that must be reached, for scripts and continuous integration."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from macaw_cli.basics.closest_names import closest
from macaw_cli.basics.errors import QualityError, UsageError
from macaw_cli.basics.terminal_text import one_line
from macaw_cli.config.text_metrics import LOWER_IS_BETTER

NO_FIGURES = ("version", "model", "models", "data", "asked", "asked_with", "failed", "verdict", "judging")
"""Keys of the JSON of `macaw evaluate` that hold no measured figures."""
LEFT_OUT = frozenset({"overall", "modalities", "kinds", "metrics", "per_medium", "tasks", "conditions", "groups"})
"""Parts of a path that need not be typed: `modalities.image.reliance` is `image.reliance`."""
ALIASES = {"real": "accuracy"}
"""Figures that have a second name."""
ERRORS = LOWER_IS_BETTER | {
    "wer_normalised", "chair_i", "chair_s", "toxicity", "expected_maximum_toxicity", "toxicity_probability",
    "largest_gap",
}  # fmt: skip
"""Figures of metrics and tasks that are the better the smaller they are."""


@dataclass(frozen=True)
class Threshold:
    """A figure and the least value that is accepted.

    Args:
        name: such as `reliance` (of all questions with media), `image.reliance` or `image/colour.accuracy`.
        least: below it the command fails; of a figure that counts errors, above it.
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
    known, errors = named_figures(figures), error_names(figures)
    missed = []
    for threshold in thresholds:
        if threshold.name not in known:
            near = closest(threshold.name, {name for path, _ in _figures(figures) for name in _names(path)}, count=3)
            hint = f"Did you mean {' or '.join(near)}?" if near else "macaw evaluate --json shows all figures."
            raise UsageError(f"--fail-under: there is no figure {one_line(threshold.name)} in this evaluation.", hint)
        value, counts_errors = known[threshold.name], threshold.name in errors
        if value is None:
            must = "most" if counts_errors else "least"
            missed.append(f"{threshold.name} was not measured, and must be at {must} {threshold.least:g}")
        elif counts_errors:
            if not value <= threshold.least:
                missed.append(f"{threshold.name} is {value:g}, above {threshold.least:g}; it counts errors")
        elif not value >= threshold.least:
            missed.append(f"{threshold.name} is {value:g}, below {threshold.least:g}")
    if missed:
        raise QualityError(f"{'; '.join(missed)}.", "The figures are above; docs/evaluation.md says what they mean.")


def named_figures(figures: Mapping[str, Any]) -> dict[str, float | None]:
    """Every figure by the names that `--fail-under` takes: its path, without any parts that are in `LEFT_OUT`.

    Of two figures with the same name the one counts that has it when all or none of these parts are left out.
    """
    found: dict[str, float | None] = {}
    figures_found = list(_figures(figures))
    for names_of in (_names, _further_names):
        for path, value in figures_found:
            for name in names_of(path):
                found.setdefault(name, value)
    return found


def error_names(figures: Mapping[str, Any]) -> set[str]:
    """Names of the figures that are the better the smaller they are."""
    scores = {report["score"] for report in (figures.get("tasks") or {}).values() if not report["higher_is_better"]}
    found: set[str] = set()
    for path, _ in _figures(figures):
        at = path.index("metrics") + 1 if "metrics" in path else len(path) - 1  # the condition stands behind a metric
        if path[at] in ERRORS | scores:
            found.update(_names(path), _further_names(path))
    return found


def _figures(figures: Mapping[str, Any]) -> Iterator[tuple[list[str], float | None]]:
    return _leaves({key: below for key, below in figures.items() if key not in NO_FIGURES})


def _names(path: Sequence[str]) -> list[str]:
    """The whole path, the path without `LEFT_OUT`, and that with the figure's second name."""
    short = [part for part in path if part not in LEFT_OUT]
    return [".".join(parts) for parts in (path, short, [*short[:-1], ALIASES.get(short[-1], short[-1])])]


def _further_names(path: Sequence[str]) -> Iterator[str]:
    """The path without some of `LEFT_OUT`, also with the figure's second name."""
    either_way = [((part,), ()) if part in LEFT_OUT else ((part,),) for part in path]
    for parts in product(*either_way):
        kept = [part for one in parts for part in one]
        if kept:
            yield from (".".join(kept), ".".join([*kept[:-1], ALIASES.get(kept[-1], kept[-1])]))


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
