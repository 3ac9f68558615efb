"""Several runs or designs in one plot, each in a colour of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from macaw_cli.reports.drawing import PALETTE
from macaw_cli.reports.run_plots import plot_curve, use_log_scale
from macaw_cli.reports.run_record import Curve

_MARKERS = "osD^vP"
"""Shapes of dots: more designs than colours differ in these."""


@dataclass(frozen=True)
class Series:
    """One curve.

    Attributes:
        name: in the legend; one that is empty is not in it.
        number: decides the colour.
        curve: its points.
    """

    name: str
    number: int
    curve: Curve


def colour_number(number: int) -> int:
    """Which colour of the palette the run or design with this number has."""
    return number % len(PALETTE)


def colour(number: int) -> str:
    """The colour of the run or design with this number."""
    return PALETTE[colour_number(number)]


def marker(number: int) -> str:
    """The shape of its dots."""
    return _MARKERS[number // len(PALETTE) % len(_MARKERS)]


def draw_curves(figure: Any, series: Sequence[Series], *, noisy: bool) -> None:
    """Losses over steps.

    Args:
        figure: of matplotlib.
        series: in order.
        noisy: draw a bold running mean over faint points.
    """
    axes = figure.subplots()
    for one in series:
        if one.curve:
            # a name that begins with `_` would be left out of a legend
            name = f" {one.name}" if one.name.startswith("_") else one.name
            plot_curve(axes, one.curve, name or "_", colour(one.number), noisy=noisy)
    use_log_scale(axes, [value for one in series for _, value in one.curve])
    axes.set_xlabel("step")
    axes.set_ylabel("loss per answer token")
    axes.legend()


def draw_intervals_side_by_side(
    axes: Any, lines: Sequence[str], measured: Sequence[Mapping[str, tuple[float, Sequence[float] | None]]]
) -> list[float]:
    """A dot and its interval for each run or design, line under line.

    Args:
        axes: of matplotlib.
        lines: names at the left, from top to bottom.
        measured: of each run or design: line to value and (low, high), which may be absent.

    Returns:
        All bounds that were drawn.
    """
    bounds: list[float] = []
    for number, seen in enumerate(measured):
        for place, line in enumerate(lines):
            if line not in seen:
                continue
            value, ci95 = seen[line]
            height = -place - 0.7 * ((number + 0.5) / len(measured) - 0.5)
            low, high = ci95 or (value, value)
            bounds += [low, high]
            axes.plot([low, high], [height] * 2, color=colour(number), linewidth=3, alpha=0.45)
            axes.plot(value, height, marker(number), color=colour(number))
    axes.set_yticks([-place for place in range(len(lines))], lines)
    axes.set_ylim(0.6 - len(lines), 0.6)
    return bounds
