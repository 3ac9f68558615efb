"""`parquet:` a Parquet file; options map its columns as for csv."""

from collections.abc import Iterator
from pathlib import Path

from macaw_cli.basics.json_rows import Row
from macaw_cli.basics.parquet_rows import parquet_columns, parquet_rows
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.columns import MAPPING, converter
from macaw_cli.dataset.formats.entry import Format, Options, each


def read_parquet(path: Path, options: Options) -> Iterator[Row]:
    """Every row as a conversation, or as an item with captions, a few hundred rows at a time.

    Raises:
        MissingDependencyError: pyarrow is not installed.
        InputError: the file is no Parquet file, or has not the columns.
    """
    return each(parquet_rows(path), converter(parquet_columns(path), options, str(path)))


def _looks_like(file: Beginning) -> bool:
    return file.suffix == ".parquet"


PARQUET = Format(
    name="parquet",
    summary="a Parquet file; options map its columns as for csv",
    read=read_parquet,
    options=MAPPING,
    looks_like=_looks_like,
)
