"""The plots of a comparison of designs: losses, quality with intervals, and quality against what it costs."""

from collections.abc import Sequence
from typing import Any

from macaw_cli.reports.design_comparison import OVERALL, DesignComparison, DesignReport, Measured
from macaw_cli.reports.drawing import Plot, ink
from macaw_cli.reports.overlaid_plots import Series, colour, draw_curves, draw_intervals_side_by_side, marker
from macaw_cli.reports.run_plots import show_reliance
from macaw_cli.reports.run_record import Curve

Point = tuple[int, float, Measured]
"""Number of a design, what it costs, and its quality."""
_APART = 7.0
"""Points of print between designs that cost the same."""


def design_plots(comparison: DesignComparison) -> list[Plot]:
    """Every plot for which there are figures."""
    designs, quality = comparison.measured, comparison.quality
    height = 1.1 + 0.17 * len(designs) * max(len(comparison.modalities), 1)
    by_tokens = {name: _points(designs, name, quality) for name in comparison.modalities}
    by_time = [
        (number, spent / 60, one) for number, design in enumerate(designs)
        if (spent := design.mean("seconds_of_steps")) and (one := design.measured(OVERALL, quality))
    ]  # fmt: skip
    of_seeds = "Faint: each logged row; bold: running mean." if comparison.seeds == 1 else "Means over the seeds."
    wanted = [
        (any(comparison.looking(design, name)[1] for design in designs for name in comparison.modalities), Plot(
            "looking", "Does each design use its media?", "Reliance per modality, or preference where answers have no "
            "choices; bars are 95 % intervals.", lambda figure: _looking(figure, comparison), height)),
        (any(by_tokens.values()), Plot(
            "tokens", f"{quality.capitalize()} against soft tokens", "Per modality. Designs on the line are not beaten "
            "by any with as few soft tokens.", lambda figure: _against_tokens(figure, by_tokens, quality),
            1.0 + 2.4 * len(by_tokens))),
        (by_time, Plot(
            "time", f"{quality.capitalize()} against training time", "Minutes of optimizer steps. Designs on the line "
            "are not beaten by any that is as fast.",
            lambda figure: _pareto(figure.subplots(), by_time, "minutes of optimizer steps", quality))),
        (any(record.curve("loss") for design in designs for record in design.runs), Plot(
            "losses", "Training loss", of_seeds, lambda figure: draw_curves(
                figure, _curves(designs, held_out=False), noisy=True))),
        (any(record.validation_curve("loss") for design in designs for record in design.runs), Plot(
            "held_out_losses", "Held-out loss", "At each validation.", lambda figure: draw_curves(
                figure, _curves(designs, held_out=True), noisy=False))),
    ]  # fmt: skip
    return [plot for content, plot in wanted if content]


def frontier(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points that no other one beats: none costs at most as much and is better, nor costs less and is as good.

    Args:
        points: (cost, quality) each.

    Returns:
        In order of cost.
    """
    best: list[tuple[float, float]] = []
    for cost, value in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or value > best[-1][1]:
            best.append((cost, value))
    return best


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """The mean over the curves, at the steps that all of them have."""
    of_each = [dict(curve) for curve in curves if curve]
    steps = [step for step in (of_each[0] if of_each else ()) if all(step in one for one in of_each)]
    return [(step, sum(one[step] for one in of_each) / len(of_each)) for step in steps]


def _points(designs: Sequence[DesignReport], modality: str, quality: str) -> list[Point]:
    return [
        (number, design.soft_tokens[modality], one) for number, design in enumerate(designs)
        if modality in design.soft_tokens and (one := design.measured(modality, quality))
    ]  # fmt: skip


def _curves(designs: Sequence[DesignReport], *, held_out: bool) -> list[Series]:
    return [
        Series(design.name, number, mean_curve([
            record.validation_curve("loss") if held_out else record.curve("loss") for record in design.runs
        ]))
        for number, design in enumerate(designs)
    ]  # fmt: skip


def _looking(figure: Any, comparison: DesignComparison) -> None:
    axes = figure.subplots()
    found = [
        {name: comparison.looking(design, name) for name in comparison.modalities} for design in comparison.measured
    ]
    values = draw_intervals_side_by_side(axes, comparison.modalities, [
        {name: (one.value, one.ci95) for name, (_, one) in seen.items() if one} for seen in found
    ])  # fmt: skip
    show_reliance(axes, values)
    if any(measure == "preference" for seen in found for measure, _ in seen.values()):
        axes.axvline(0.5, color=ink(), linewidth=0.8, linestyle=":")
        axes.set_xlabel("reliance (blind: 0) or preference (blind: 0.5), 95 %")


def _against_tokens(figure: Any, by_modality: dict[str, list[Point]], quality: str) -> None:
    shown = {name: points for name, points in by_modality.items() if points}
    for axes, (name, points) in zip(figure.subplots(len(shown), 1, squeeze=False)[:, 0], shown.items(), strict=True):
        _pareto(axes, points, f"soft tokens of one {name}", quality)


def _pareto(axes: Any, points: Sequence[Point], cost: str, quality: str) -> None:
    line = frontier([(x, one.value) for _, x, one in points])
    axes.plot([x for x, _ in line], [y for _, y in line], color=ink(), linewidth=0.8, alpha=0.6, drawstyle="steps-post")
    for (number, x, one), shift in zip(points, _shifts([x for _, x, _ in points]), strict=True):
        low, high = one.ci95 or (one.value, one.value)
        place = axes.transData + _sideways(axes.figure, shift)
        axes.plot([x, x], [low, high], color=colour(number), linewidth=3, alpha=0.45, transform=place)
        axes.plot(x, one.value, marker(number), color=colour(number), markersize=7, transform=place)
        axes.update_datalim([(x, low), (x, high)])  # what is moved aside does not count by itself
    axes.autoscale_view()
    costs = [x for _, x, _ in points]
    if min(costs) > 0 and max(costs) > 8 * min(costs):
        from matplotlib.ticker import LogLocator, NullFormatter

        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())  # its own are formulas, which plots do not show
    axes.set_xlabel(cost)
    axes.set_ylabel(quality)


def _shifts(places: Sequence[float]) -> list[float]:
    """How far each of the points is moved aside, in points of print, so that those of one place do not hide others."""
    found = []
    for number, place in enumerate(places):
        before, here = places[:number].count(place), places.count(place)
        found.append(_APART * (before - (here - 1) / 2))
    return found


def _sideways(figure: Any, points: float) -> Any:
    from matplotlib.transforms import ScaledTranslation

    return ScaledTranslation(points / 72, 0, figure.dpi_scale_trans)
