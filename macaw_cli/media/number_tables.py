"""The door for tables of numbers from files of strangers: CSV, TSV, Parquet and NumPy, as (rows, columns).

Sizes are looked at before anything is read. Nothing here unpickles. Columns that do not hold numbers alone, such as
dates, are left out.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.basics.npy_arrays import parse_npy
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.media.size_limits import TooLarge

MOST_BYTES = 64 << 20
"""Of a file."""
MOST_NUMBERS = 1 << 24
"""Rows times columns: 128 MiB as fp64."""
MOST_COLUMNS = 4096
_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?"})
_LONGEST_CELL = 1 << 16


@dataclass(frozen=True)
class NumberTable:
    """A table of numbers.

    Attributes:
        values: (rows, columns) fp64; NaN where a value is missing.
        names: of the columns; numbers from 0 where the file has none.
        left_out: names of the columns that hold something else than numbers.
    """

    values: NDArray[np.float64]
    names: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def read_table(path: Path) -> NumberTable:
    """The numbers of a file; its extension says what it is.

    Raises:
        TooLarge: it has too many bytes, numbers or columns.
        InputError: it cannot be read, or holds no column of numbers.
    """
    read = {".npy": _from_npy, ".parquet": _from_parquet}.get(path.suffix.lower(), _from_text)
    table = read(path)
    if not table.names or not len(table.values):
        raise InputError(f"{path} holds no column of numbers.")
    return table


def load_npy(path: Path) -> NDArray[np.float64]:
    """The array of an `.npy` file as fp64.

    Raises:
        TooLarge: it has too many bytes.
        InputError: it holds something else than real numbers, or is truncated.
    """
    with _opened(path) as file:
        content = file.read()
    try:
        array = parse_npy(content, str(path))
    except DamagedError as error:
        raise InputError(error.problem) from None
    if array.dtype.kind not in "iufb":
        raise InputError(f"{path} holds numbers of the type {array.dtype}; real numbers are needed.")
    return array.astype(np.float64)


def require_size(path: Path, rows: int, columns: int) -> None:
    """Refuse a table that is too large, before it is read.

    Raises:
        TooLarge: it has too many numbers or columns.
    """
    if rows * columns > MOST_NUMBERS or columns > MOST_COLUMNS:
        most = f"{MOST_NUMBERS} numbers in {MOST_COLUMNS} columns"
        raise TooLarge(f"{path} holds {rows} x {columns} values; at most {most} are taken.", "Split or shorten it.")


def _opened(path: Path) -> Any:
    file = open_regular(path)
    size = file.seek(0, 2)
    file.seek(0)
    if size > MOST_BYTES:
        file.close()
        raise TooLarge(f"{path} has {size >> 20} MiB; at most {MOST_BYTES >> 20} are taken.", "Split or shorten it.")
    return file


def _from_npy(path: Path) -> NumberTable:
    array = load_npy(path)
    if array.ndim not in (1, 2):
        raise InputError(f"{path} has an array of {array.ndim} dimensions; (steps,) or (steps, channels) is needed.")
    values = array.reshape(len(array), -1)
    require_size(path, *values.shape)
    return NumberTable(values, tuple(map(str, range(values.shape[1]))))


def _from_text(path: Path) -> NumberTable:
    """CSV as in RFC 4180, UTF-8; separated by commas, semicolons or tabs; a first line of names may stand above."""
    csv.field_size_limit(_LONGEST_CELL)
    with TextIOWrapper(_opened(path), encoding="utf-8-sig", newline="") as file:
        try:
            first = file.readline()
            file.seek(0)
            delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=first.count)
            rows = list(_rows(path, csv.reader(file, delimiter=delimiter, strict=True)))
        except UnicodeDecodeError:
            raise InputError(f"{path} is not UTF-8 text.") from None
        except csv.Error as error:
            raise InputError(f"{path} is not valid CSV: {error}.") from None
    if not rows:
        raise InputError(f"{path} is empty.")
    has_names = any(_number(cell) is None for cell in rows[0])
    names = [cell.strip() for cell in rows[0]] if has_names else list(map(str, range(len(rows[0]))))
    columns = zip(*rows[has_names:], strict=True)
    found = {number: [_number(cell) for cell in column] for number, column in enumerate(columns)}
    whole = [number for number, column in found.items() if None not in column and not np.isnan(_array(column)).all()]
    values = np.stack([_array(found[number]) for number in whole], axis=1) if whole else np.zeros((0, 0))
    left_out = tuple(name for number, name in enumerate(names) if number not in whole)
    return NumberTable(values, tuple(names[number] for number in whole), left_out)


def _array(column: list[float | None]) -> NDArray[np.float64]:
    return np.array(column, dtype=np.float64)


def _rows(path: Path, reader: Iterator[list[str]]) -> Iterator[list[str]]:
    width = count = 0
    for number, row in enumerate(reader, start=1):
        if not row:
            continue
        width = width or len(row)
        if len(row) != width:
            raise InputError(f"{path}, row {number}, has {len(row)} fields, but the first has {width}.")
        count += 1
        require_size(path, count, width)
        yield row


def _number(cell: str) -> float | None:
    """NaN where the cell says that nothing is known; None where it is something else than a number."""
    cell = cell.strip()
    if cell.lower() in _MISSING:
        return float("nan")
    try:
        return float(cell) if "_" not in cell else None
    except ValueError:
        return None


def _from_parquet(path: Path) -> NumberTable:
    _opened(path).close()
    try:
        from pyarrow import parquet, types
    except ImportError:
        raise InputError(f"{path} cannot be read without pyarrow: pip install 'macaw-cli[hf]'.") from None
    try:
        with parquet.ParquetFile(path) as file:
            require_size(path, file.metadata.num_rows, file.metadata.num_columns)
            kinds = {field.name: field.type for field in file.schema_arrow}
            numeric = [name for name, kind in kinds.items() if types.is_integer(kind) or types.is_floating(kind)]
            read = file.read(columns=numeric)
            columns = [read.column(name).to_numpy().astype(np.float64) for name in numeric]
    except InputError:
        raise
    except Exception as error:  # pyarrow's own classes, and those of its decompressors
        raise InputError(f"{path} cannot be read as Parquet ({error}).") from None
    values = np.stack(columns, axis=1) if columns else np.zeros((0, 0))
    return NumberTable(values, tuple(numeric), tuple(name for name in kinds if name not in numeric))
