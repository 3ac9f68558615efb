"""Columns of numbers, one file each: only the columns that a step needs are in memory."""

from array import array
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from macaw_cli.basics.working_files import open_own

ROWS_AT_ONCE = 1 << 16
DTYPES: dict[str, type[np.generic]] = {"B": np.uint8, "I": np.uint32, "Q": np.uint64}
"""Types of columns by their names in `array`."""


class ColumnWriter:
    """Appends rows to the columns of a folder.

    Args:
        folder: of macaw's own.
        types: name of each column to its type as `array` writes it: `B`, `I` and `Q` for 1, 4 and 8 bytes.
    """

    def __init__(self, folder: Path, types: dict[str, str]) -> None:
        self._files = [open_own(column_file(folder, name), "wb") for name in types]
        self._waiting = [array(kind) for kind in types.values()]
        self.rows = 0

    def add(self, *values: int) -> None:
        """Append one row."""
        for column, value in zip(self._waiting, values, strict=True):
            column.append(value)
        self.rows += 1
        if len(self._waiting[0]) >= ROWS_AT_ONCE:
            self.flush()

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def flush(self) -> None:
        """Write what is still in memory."""
        for file, column in zip(self._files, self._waiting, strict=True):
            file.write(column.tobytes())
            file.flush()
            del column[:]


def column_file(folder: Path, name: str) -> Path:
    """The file of a column."""
    return folder / f"{name}.column"


def read_column(folder: Path, name: str, dtype: type[np.generic]) -> np.ndarray:
    """A whole column, read-only."""
    return np.frombuffer(column_file(folder, name).read_bytes(), dtype)


def read_rows(folder: Path, name: str, dtype: type[np.generic], start: int, stop: int) -> np.ndarray:
    """Some rows of a column, read-only."""
    size = np.dtype(dtype).itemsize
    with column_file(folder, name).open("rb") as file:
        file.seek(start * size)
        return np.frombuffer(file.read((stop - start) * size), dtype)


def write_column(folder: Path, name: str, parts: Iterable[np.ndarray]) -> None:
    """A new column, put together from parts."""
    with open_own(column_file(folder, name), "wb") as file:
        for part in parts:
            file.write(part.tobytes())


def in_order(column: np.ndarray, order: np.ndarray) -> Iterable[np.ndarray]:
    """The rows of a column in another order, some at a time."""
    return (column[order[start : start + ROWS_AT_ONCE]] for start in range(0, len(order), ROWS_AT_ONCE))
