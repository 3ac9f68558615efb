"""`macaw inspect RUN1 RUN2 ...`: runs side by side."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from macaw_cli.basics import console
from macaw_cli.inspection.inspect_folder import PageRequest
from macaw_cli.reports.comparison import RunComparison, requested_page
from macaw_cli.reports.run_record import read_run
from macaw_cli.reports.sparkline import levels_for, loss_line

LONGEST_CURVE, SHORTEST_CURVE = 32, 8
NAMES_WIDTH, BORDER = 24, 3


def compare_runs(folders: Sequence[Path], *, as_json: bool, page: PageRequest | None = None) -> None:
    """Print figures, curves and the settings that differ.

    Args:
        folders: of runs, finished or not.
        as_json: print one JSON object instead of tables.
        page: also write a page with their curves over each other.

    Raises:
        DamagedError: a file of a run is not what macaw writes.
        MismatchError: a newer macaw wrote a run.
    """
    comparison = RunComparison([read_run(folder) for folder in folders])
    written = {}
    if page:
        from macaw_cli.reports.comparison_page import write_comparison_page

        target = requested_page(page.target)
        write_comparison_page(comparison, target)
        written = {"html": str(target)}
    if as_json:
        console.result_json({**comparison.as_json(), **written})
        return
    _show(comparison)
    for path in written.values():
        console.result(f"Page: {path}")


def _curve_width(count: int) -> int:
    """Letters that each of `count` columns has room for in this terminal."""
    if not sys.stdout.isatty():
        return LONGEST_CURVE
    room = (shutil.get_terminal_size().columns - NAMES_WIDTH) // count - BORDER
    return max(SHORTEST_CURVE, min(LONGEST_CURVE, room))


def _show(comparison: RunComparison) -> None:
    curves = [[value for _, value in record.curve("loss")] for record in comparison.records]
    everything = [value for curve in curves for value in curve]
    levels = levels_for(sys.stdout)
    lines = [loss_line(curve, _curve_width(len(curves)), levels, shared=everything) for curve in curves]
    heads = ["", *comparison.names]
    console.print_table("Runs side by side", heads, [*comparison.rows, *([["loss", *lines]] if everything else [])])
    different = [[key, *map(str, values)] for key, values in comparison.different_settings.items()]
    if different:
        console.print_table("Settings that differ", heads, different)
    else:
        console.result("The runs have the same settings.")
