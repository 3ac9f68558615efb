"""The page of a comparison of designs: its table, what it cost, plots, and every modality and kind."""

from pathlib import Path

from macaw_cli.reports.design_comparison import MEASURES, DesignComparison, interval, told
from macaw_cli.reports.design_plots import design_plots
from macaw_cli.reports.drawing import drawn
from macaw_cli.reports.overlaid_plots import colour_number
from macaw_cli.reports.page import write_page
from macaw_cli.reports.tables import Table


def write_design_page(comparison: DesignComparison, target: Path) -> None:
    """Write the page, whole or not at all.

    Raises:
        InputError: a file that is no page of macaw's is there.
    """
    names = [design.name for design in comparison.measured]
    write_page(
        target,
        "designs",
        title=f"{' / '.join(names)}: macaw comparison",
        designs=[(name, colour_number(number)) for number, name in enumerate(names)],
        seeds=comparison.seeds,
        figures=comparison.table(),
        notes=[*comparison.warnings],
        plots=drawn(design_plots(comparison)),
        tables=[comparison.reliance_table(), *(_kinds(comparison, measure) for measure in MEASURES)],
        failures=_failures(comparison),
        runs=_runs(comparison),
    )


def _kinds(comparison: DesignComparison, measure: str) -> Table:
    """One row per modality and kind, two columns per design."""
    designs = comparison.measured
    lines = [line for line in comparison.lines if any(design.measured(line, measure) for design in designs)]
    columns = ["", "n", *(name for design in designs for name in (design.name, "95 %"))]
    rows = []
    for line in lines:
        found = [design.measured(line, measure) for design in designs]
        n = max(one.n for one in found if one)
        rows.append([line, str(n), *(cell for one in found for cell in (told(one), interval(one)))])
    return Table(f"{measure.capitalize()} per modality and kind", columns, rows)


def _failures(comparison: DesignComparison) -> Table:
    rows = [[design.name, failure] for design in comparison.designs for failure in design.failures]
    return Table("Designs that failed", ["design", "reason"], rows, words=True)


def _runs(comparison: DesignComparison) -> Table:
    rows = [
        [design.name, record.folder.name, f"{figures['steps']:,}", f"{figures['examples']:,}", f"{figures['tokens']:,}"]
        for design in comparison.designs
        for record, figures in zip(design.runs, design.figures, strict=True)
    ]
    return Table("Runs", ["design", "run", "steps", "examples", "tokens"], rows)
