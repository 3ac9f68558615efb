"""The page of several runs: their curves over each other, their figures and settings side by side."""

from pathlib import Path
from typing import Any

from macaw_cli.reports.comparison import RunComparison
from macaw_cli.reports.drawing import PALETTE, Plot, drawn
from macaw_cli.reports.figures import last_validation
from macaw_cli.reports.overlaid_plots import Series, draw_curves, draw_intervals_side_by_side
from macaw_cli.reports.page import write_page
from macaw_cli.reports.run_plots import show_reliance
from macaw_cli.reports.tables import Table


def write_comparison_page(comparison: RunComparison, target: Path) -> None:
    """Write the page, whole or not at all."""
    heads = ["", *comparison.names]
    settings = [[key, *map(str, values)] for key, values in comparison.different_settings.items()]
    write_page(
        target,
        "comparison",
        title=f"{' / '.join(comparison.names)}: macaw training runs",
        runs=[(name, number % len(PALETTE)) for number, name in enumerate(comparison.names)],
        figures=Table("Figures", heads, comparison.rows),
        plots=drawn(_frames(comparison)),
        settings=Table("Settings that differ", heads, settings, words=True),
    )


def _frames(comparison: RunComparison) -> list[Plot]:
    records = comparison.records
    height = 1.1 + 0.22 * len(records) * len(_modalities(comparison))
    wanted = [
        (any(record.curve("loss") for record in records), Plot(
            "losses", "Training loss", "Faint: each logged row; bold: running mean.",
            lambda figure: _curves(figure, comparison, held_out=False))),
        (any(record.validations for record in records), Plot(
            "held_out_losses", "Held-out loss", "At each validation.",
            lambda figure: _curves(figure, comparison, held_out=True))),
        (bool(_modalities(comparison)), Plot(
            "reliances", "Reliance at the last validation", "With 95 % intervals.",
            lambda figure: _reliances(figure, comparison), height)),
    ]  # fmt: skip
    return [plot for is_there, plot in wanted if is_there]


def _curves(figure: Any, comparison: RunComparison, *, held_out: bool) -> None:
    draw_curves(figure, [
        Series(name, number, record.validation_curve("loss") if held_out else record.curve("loss"))
        for number, (name, record) in enumerate(zip(comparison.names, comparison.records, strict=True))
    ], noisy=not held_out)  # fmt: skip


def _reliances(figure: Any, comparison: RunComparison) -> None:
    seen = [last_validation(record).get("modalities", {}) for record in comparison.records]
    axes = figure.subplots()
    values = draw_intervals_side_by_side(axes, _modalities(comparison), [
        {name: (one["reliance"], one.get("ci95")) for name, one in measured.items() if one.get("reliance") is not None}
        for measured in seen
    ])  # fmt: skip
    show_reliance(axes, values)


def _modalities(comparison: RunComparison) -> list[str]:
    return list(dict.fromkeys(name for figures in comparison.figures for name in figures["reliance"]))
