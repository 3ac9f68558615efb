"""`parquet:` a Parquet file; options map its columns as for csv."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError, MissingDependencyError
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.columns import MAPPING, converter
from macaw_cli.dataset.formats.entry import Format, Options, each
from macaw_cli.dataset.formats.json_rows import Row
from macaw_cli.dataset.formats.json_text_stream import open_source

ROWS_AT_ONCE = 256


def read_parquet(path: Path, options: Options) -> Iterator[Row]:
    """Every row as a conversation, or as an item with captions, a few hundred rows at a time.

    Raises:
        MissingDependencyError: pyarrow is not installed.
        InputError: the file is no Parquet file, or has not the columns.
    """
    open_source(path).close()
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingDependencyError(f"Reading {path} needs pyarrow.", "pip install 'macaw-cli[hf]'") from None
    try:
        table = parquet.ParquetFile(path)
    except Exception as error:
        raise _unreadable(path, error) from error
    return each(_rows(table, path), converter(table.schema_arrow.names, options, str(path)))


def _rows(table: Any, path: Path) -> Iterator[Row]:
    number = 0
    with table:
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


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be read as Parquet ({error}).", "Check whether the file is truncated.")


def _looks_like(file: Beginning) -> bool:
    return file.suffix == ".parquet"


PARQUET = Format(
    name="parquet",
    summary="a Parquet file; options map its columns as for csv",
    read=read_parquet,
    options=MAPPING,
    looks_like=_looks_like,
)
