"""`--fail-under NAME=VALUE`: figures that must be reached, for scripts and continuous integration."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
SHARES = frozenset({
    "real", "none", "told", "swapped", "chance", "preference", "reliance", "question_accuracy", "item_accuracy",
    "group_accuracy",
})  # fmt: skip
"""Figures from 0 to 1, and differences of them, where they are not below a metric."""
TOLD = 20
"""Groups that a message names."""
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
    _require_names(figures, known, thresholds)
    missed = []
    for threshold in thresholds:
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


def require_known(expected: Mapping[str, Any], thresholds: Sequence[Threshold]) -> None:
    """Refuse names that an evaluation will not have, and values that a share or a difference of shares cannot reach.

    Args:
        expected: figures as they will be named; their values do not count.
        thresholds: what must be reached.

    Raises:
        UsageError: with the nearest names and those that there are, or with the largest possible value.
    """
    _require_names(expected, named_figures(expected), thresholds)
    shares = {
        name for path, _ in _figures(expected) if path[-1] in SHARES and "metrics" not in path
        for name in (*_names(path), *_further_names(path))
    }  # fmt: skip
    for threshold in thresholds:
        if threshold.name in shares and threshold.least > 1:
            raise UsageError(
                f"--fail-under: {threshold.name} is at most 1, and never reaches {threshold.least:g}.",
                f"Figures are shares: 0.3 is 30 percent, so write {threshold.name}=0.3.",
            )


def unknown_figure(name: str, possible: Iterable[str], told: str) -> UsageError:
    """The error about a name that no figure has.

    Args:
        name: as it was typed.
        possible: names that it may be a mistyped form of.
        told: a sentence about the possible ones.
    """
    possible = dict.fromkeys(possible)
    of_group = [one for one in possible if one.rpartition(".")[0] == name]
    near = of_group or closest(name, possible, count=3)
    meant = [f"Did you mean {' or '.join(one_line(one) for one in near)}?"] if near else []
    return UsageError(
        f"--fail-under: there is no figure {one_line(name)} in this evaluation.", " ".join([*meant, one_line(told)])
    )


def _require_names(
    figures: Mapping[str, Any], known: Mapping[str, float | None], thresholds: Sequence[Threshold]
) -> None:
    for threshold in thresholds:
        if threshold.name not in known:
            possible = [name for path, _ in _figures(figures) for name in _names(path)]
            raise unknown_figure(threshold.name, possible, _told(figures))


def _told(figures: Mapping[str, Any]) -> str:
    """The figures of all questions, and what may stand before them."""
    paths = [[part for part in path if part not in LEFT_OUT] for path, _ in _figures(figures)]
    whole = dict.fromkeys(ALIASES.get(path[0], path[0]) for path in paths if len(path) == 1)
    groups = list(dict.fromkeys(path[0] for path in paths if len(path) > 1))
    named = ", ".join(groups[:TOLD]) + (f" and {len(groups) - TOLD} more" if len(groups) > TOLD else "")
    sentences = [f"Figures: {', '.join(whole)}."] if whole else []
    if groups:
        below = next((path for path in paths if len(path) > 1 and path[-1] == "reliance"), None)
        example = f", as in {'.'.join(below)}" if below else ""
        sentences += [f"{'Put a group before them' if whole else 'Begin with a group'}{example}.", f"Groups: {named}."]
    return " ".join([*sentences, "macaw evaluate --json shows all figures."])


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
