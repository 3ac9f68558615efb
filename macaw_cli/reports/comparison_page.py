"""The page of several runs: their curves over each other, their figures and settings side by side."""

from pathlib import Path
from typing import Any

from macaw_cli.reports.comparison import RunComparison
from macaw_cli.reports.drawing import PALETTE, Plot, drawn
from macaw_cli.reports.figures import last_validation
from macaw_cli.reports.page import write_page
from macaw_cli.reports.run_plots import plot_curve, show_reliance, use_log_scale
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
    axes = figure.subplots()
    values: list[float] = []
    for number, (name, record) in enumerate(zip(comparison.names, comparison.records, strict=True)):
        curve = record.validation_curve("loss") if held_out else record.curve("loss")
        values += [value for _, value in curve]
        if curve:
            plot_curve(axes, curve, _label(name), _colour(number), noisy=not held_out)
    use_log_scale(axes, values)
    axes.set_xlabel("step")
    axes.set_ylabel("loss per answer token")
    axes.legend()


def _reliances(figure: Any, comparison: RunComparison) -> None:
    axes = figure.subplots()
    modalities, count = _modalities(comparison), len(comparison.records)
    values: list[float] = []
    for number, record in enumerate(comparison.records):
        seen = last_validation(record).get("modalities", {})
        for place, modality in enumerate(modalities):
            measured = seen.get(modality, {})
            if measured.get("reliance") is None:
                continue
            height = -place - 0.7 * ((number + 0.5) / count - 0.5)
            low, high = measured.get("ci95") or (measured["reliance"],) * 2
            values += [low, high]
            axes.plot([low, high], [height] * 2, color=_colour(number), linewidth=3, alpha=0.45)
            axes.plot(measured["reliance"], height, "o", color=_colour(number))
    axes.set_yticks([-place for place in range(len(modalities))], modalities)
    axes.set_ylim(0.6 - len(modalities), 0.6)
    show_reliance(axes, values)


def _modalities(comparison: RunComparison) -> list[str]:
    return list(dict.fromkeys(name for figures in comparison.figures for name in figures["reliance"]))


def _colour(number: int) -> str:
    return PALETTE[number % len(PALETTE)]


def _label(name: str) -> str:
    """A name that begins with `_` would be left out of a legend."""
    return name if not name.startswith("_") else f" {name}"
