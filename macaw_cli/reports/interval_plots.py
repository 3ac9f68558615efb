"""Figures with their intervals, one line per modality and kind, and the plot of preference."""

from collections.abc import Sequence
from typing import Any

from macaw_cli.basics.figure_kinds import modality_of
from macaw_cli.reports.drawing import colour_of, ink

BLIND = 0.5


def draw_intervals(axes: Any, lines: Sequence[tuple[str, dict[str, Any]]], figure: str, interval: str) -> None:
    """A dot and its 95 % interval per modality and kind; those of modalities are larger, and their names bold.

    Args:
        axes: of matplotlib.
        lines: name (indented for kinds) and what was measured, from top to bottom.
        figure: key of the value in what was measured.
        interval: key of its (low, high), which may be absent.
    """
    for height, (name, seen) in enumerate(reversed(lines)):
        is_modality = not name.startswith(" ")
        colour = colour_of(modality_of(name, seen))
        low, high = seen.get(interval) or (seen[figure],) * 2
        axes.plot([low, high], [height, height], color=colour, linewidth=4 if is_modality else 2.2, alpha=0.45)
        axes.plot(seen[figure], height, "o", color=colour, markersize=7 if is_modality else 5)
    axes.set_yticks(range(len(lines)), [name.strip() for name, _ in reversed(lines)])
    for label, (name, _) in zip(axes.get_yticklabels(), reversed(lines), strict=True):
        label.set_fontweight("normal" if name.startswith(" ") else "bold")
    axes.set_ylim(-0.6, len(lines) - 0.4)


def draw_preferences(figure: Any, lines: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """One bar per modality and kind, with its 95 % interval.

    Args:
        figure: of matplotlib.
        lines: name (indented for kinds) and figures that have a preference.
    """
    axes = figure.subplots()
    draw_intervals(axes, lines, "preference", "preference_ci95")
    axes.axvline(BLIND, color=ink(), linewidth=0.8)
    axes.set_xlim(-0.03, 1.03)
    axes.set_xlabel("preference, 95 %")
