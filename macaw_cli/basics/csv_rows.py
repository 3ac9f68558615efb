"""Rows of a CSV file as mappings from column name to text, in a stream."""

import csv
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import Row
from macaw_cli.basics.json_text_stream import not_utf8, open_source

LONGEST_FIELD = 1 << 28
"""Characters; the default of Python's csv module, 131,072, is less than some published answers have."""
_DELIMITERS = {".tsv": "\t", ".tab": "\t"}


def csv_rows(path: Path) -> Iterator[Row]:
    """Every row behind the header, numbered from 1; an InputError in place of one with too few or too many fields.

    Args:
        path: comma-separated, or with tabs if its name ends in `.tsv` or `.tab`; quoted as in RFC 4180, UTF-8 with or
            without a byte order mark.

    Raises:
        InputError: the file cannot be read, or has no header, or the same column twice.
    """
    with TextIOWrapper(open_source(path), encoding="utf-8-sig", newline="") as file:
        csv.field_size_limit(LONGEST_FIELD)
        reader = csv.reader(file, delimiter=_DELIMITERS.get(path.suffix.lower(), ","), strict=True)
        try:
            header = _header(reader, path)
            number = 0
            for fields in reader:
                if fields:  # else an empty line
                    number += 1
                    yield number, _row(header, fields)
        except UnicodeDecodeError as error:
            raise not_utf8(path, error) from None
        except csv.Error as error:
            raise InputError(
                f"{path} is not valid CSV: line {reader.line_num}: {error}.", "Check the quotes up to that line."
            ) from None


def csv_header(path: Path) -> tuple[str, ...]:
    """The names of the columns; none where the header is no CSV.

    Raises:
        InputError: the file cannot be read, or has no header, or the same column twice.
    """
    with TextIOWrapper(open_source(path), encoding="utf-8-sig", newline="") as file:
        try:
            return tuple(_header(csv.reader(file, delimiter=_DELIMITERS.get(path.suffix.lower(), ",")), path))
        except (UnicodeDecodeError, csv.Error):
            return ()


def _row(header: list[str], fields: list[str]) -> dict[str, str] | InputError:
    if len(fields) != len(header):
        return InputError(f"the row has {len(fields)} fields, but the header names {len(header)} columns")
    return dict(zip(header, fields, strict=True))


def _header(reader: Iterator[list[str]], path: Path) -> list[str]:
    header = [name.strip() for name in next(reader, [])]
    if not any(header):
        raise InputError(f"{path} is empty.", "A CSV file begins with a line that names its columns.")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise InputError(f"{path} has the column {twice[0]!r} twice.", "Give each column a name of its own.")
    return header
