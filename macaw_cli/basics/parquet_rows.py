"""Rows of a Parquet file as mappings from column name to value, a few hundred at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError, MissingDependencyError
from macaw_cli.basics.extras import to_install
from macaw_cli.basics.json_rows import Row
from macaw_cli.basics.json_text_stream import open_source

ROWS_AT_ONCE = 256


def parquet_columns(path: Path) -> list[str]:
    """The names of the columns.

    Raises:
        MissingDependencyError: pyarrow is not installed.
        InputError: the file does not exist, or is no Parquet file.
    """
    with _opened(path) as table:
        return list(table.schema_arrow.names)


def parquet_rows(path: Path) -> Iterator[Row]:
    """Every row, numbered from 1; bytes, such as those of an image, stay bytes.

    Raises:
        MissingDependencyError: pyarrow is not installed.
        InputError: the file does not exist, or is no whole Parquet file; in part only when reading arrives there.
    """
    number = 0
    with _opened(path) as table:
        batches = table.iter_batches(batch_size=ROWS_AT_ONCE)
        while True:
            try:
                batch = next(batches, None)
                rows = batch.to_pylist() if batch is not None else []
            except Exception as error:  # pyarrow's own classes, and those of its decompressors
                raise _unreadable(path, error) from error
            if batch is None:
                return
            for row in rows:
                number += 1
                yield number, row


def _opened(path: Path) -> Any:
    open_source(path).close()
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingDependencyError(f"Reading {path} needs pyarrow.", to_install("hf")) from None
    try:
        return parquet.ParquetFile(path)
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be read as Parquet ({error}).", "Check whether the file is truncated.")
