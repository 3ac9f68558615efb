"""A table as data: the terminal and the pages show the same."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        title: above it.
        columns: heads; the first column names the row.
        rows: cells.
        words: the cells are words to read rather than figures to compare.
    """

    title: str
    columns: list[str]
    rows: list[list[str]]
    words: bool = False
