"""A comparison in the terminal: one table, in as many parts as its width needs; or one JSON object."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from macaw_cli.basics.console import print_table, result, result_json
from macaw_cli.basics.counts import counted
from macaw_cli.basics.shell_words import near, to_type
from macaw_cli.comparison.pricing import Price, price_json, price_table
from macaw_cli.reports.design_comparison import DesignComparison
from macaw_cli.reports.tables import Table

_BETWEEN = 3
"""Characters between two columns: a border, and a space to both sides."""
_UNLIMITED = 10_000


def show_comparison(comparison: DesignComparison, page: Path | None, *, as_json: bool) -> None:
    """Print everything that was compared.

    Args:
        comparison: what the designs came to.
        page: that was written; None where nothing could be drawn.
        as_json: one JSON object.
    """
    if as_json:
        result_json({**comparison.as_json(), "html": None if page is None else str(page)})
        return
    tables = [comparison.table(), *([comparison.reliance_table()] if comparison.modalities else [])]
    for table in tables:
        for part in fitting(table, terminal_width()):
            print_table(part.title, part.columns, part.rows)
    for line in _notes(comparison):
        result(line)
    if page is not None and (best := comparison.best) is not None:
        what = f"Compared {counted(len(comparison.designs), 'design')}: {page}."
        result(f"{what} Next: {to_type('macaw', 'chat', near(best.runs[0].folder))}")


def show_prices(prices: Sequence[Price], seeds: int, *, as_json: bool) -> None:
    """Print what the designs will cost."""
    if as_json:
        result_json(price_json(prices, seeds))
        return
    table = price_table(prices, seeds)
    for part in fitting(table, terminal_width()):
        print_table(part.title, part.columns, part.rows)
    if done := sum(price.finished for price in prices):
        runs = counted(sum(price.runs for price in prices), "run")
        result(f"{done} of {runs} {'is' if done == 1 else 'are'} finished already; the time is that of the others.")
    for line in verdict_lines(prices):
        result(line)


def verdict_lines(prices: Sequence[Price]) -> list[str]:
    """What is said below the table of prices: one line for each different verdict, with the designs that it is of."""
    designs: dict[str, list[str]] = {}
    for price in prices:
        if told := price.failure or price.verdict:
            designs.setdefault(told, []).append(price.candidate.design.label)
    everyone = len(designs) == 1 and len(prices) > 1
    return [f"{'all designs' if everyone else ', '.join(named)}: {told}" for told, named in designs.items()]


def fitting(table: Table, width: int) -> list[Table]:
    """The table in parts of at most `width` characters, each with the first column; a single part where it fits.

    A column with the head `95 %` or `n` stays beside the one before it.
    """
    sizes = [max(map(len, cells)) for cells in zip(table.columns, *table.rows, strict=True)]
    parts: list[list[int]] = [[]]
    for together in _columns_together(table.columns):
        taken = sum(sizes[column] + _BETWEEN for column in [0, *parts[-1], *together]) + 1
        if parts[-1] and taken > width:
            parts.append([])
        parts[-1] += together
    return [_part(table, [0, *part], first=number == 0) for number, part in enumerate(parts)]


def terminal_width() -> int:
    """Characters of a line of the terminal; a pipe takes any number."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _UNLIMITED


def _columns_together(columns: Sequence[str]) -> list[list[int]]:
    found: list[list[int]] = []
    for number, name in enumerate(columns):
        if number and name in ("95 %", "n") and found:
            found[-1].append(number)
        elif number:
            found.append([number])
    return found


def _part(table: Table, columns: Sequence[int], *, first: bool) -> Table:
    title = table.title if first else f"{table.title}, continued"
    return Table(title, [table.columns[at] for at in columns], [[row[at] for at in columns] for row in table.rows])


def _notes(comparison: DesignComparison) -> list[str]:
    notes: list[Any] = [f"{design.name}: {failure}" for design in comparison.designs for failure in design.failures]
    return [*notes, *(f"Warning: {warning}" for warning in comparison.warnings)]
