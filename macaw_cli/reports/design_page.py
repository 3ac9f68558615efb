"""The page of a comparison of designs: its table, what it cost, plots, and every modality and kind."""

import re
from collections.abc import Iterable
from html import unescape
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.working_files import kind_of
from macaw_cli.reports.design_comparison import MEASURES, DesignComparison, asked, interval, told
from macaw_cli.reports.design_plots import design_plots
from macaw_cli.reports.drawing import drawn
from macaw_cli.reports.overlaid_plots import colour_number
from macaw_cli.reports.page import write_page
from macaw_cli.reports.tables import Table

_BETWEEN = "/"
"""Between names of runs, which hold none."""
_RUNS = re.compile(r'<meta name="macaw-runs" content="([^"]*)">')
_HEAD = 1 << 17
_SHOWN = 3
"""Names in a message; more are counted."""


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
        run_names=_BETWEEN.join(dict.fromkeys(run.folder.name for one in comparison.designs for run in one.runs)),
        figures=comparison.table(),
        notes=[*comparison.warnings],
        plots=drawn(design_plots(comparison)),
        tables=[comparison.reliance_table(), *(_kinds(comparison, measure) for measure in MEASURES)],
        failures=_failures(comparison),
        runs=_runs(comparison),
    )


def require_kept_runs(target: Path, names: Iterable[str]) -> None:
    """Refuse to replace a page of a comparison that shows more runs; call it before any work.

    Args:
        target: of the page; need not exist.
        names: of the runs that the new page will show.

    Raises:
        InputError: a run of the page that is there would be lost from it.
    """
    if kind_of(target) != "a file":
        return
    with target.open("rb") as page:
        found = _RUNS.search(page.read(_HEAD).decode(errors="replace"))
    known = set(names)
    lost = [name for name in unescape(found[1]).split(_BETWEEN) if name and name not in known] if found else []
    if lost:
        more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
        raise InputError(
            f"{target} also shows {', '.join(lost[:_SHOWN])}{more}, which this comparison does not have.",
            "Write another page with --out, or compare these too.",
        )


def _kinds(comparison: DesignComparison, measure: str) -> Table:
    """One row per modality and kind, two columns per design, three where they were not asked equally much."""
    designs = comparison.measured
    lines = [line for line in comparison.lines if any(design.measured(line, measure) for design in designs)]
    found = {line: [design.measured(line, measure) for design in designs] for line in lines}
    alike = all(len({one.n for one in measured if one}) == 1 for measured in found.values())
    columns = ["", *["n"] * alike]
    for design in designs:
        columns += [design.name, "95 %", *["n"] * (not alike)]
    rows = []
    for line, measured in found.items():
        row = [line, *[asked(next(filter(None, measured)))] * alike]
        for one in measured:
            row += [told(one), interval(one), *[asked(one)] * (not alike)]
        rows.append(row)
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
