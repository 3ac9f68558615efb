"""`csv:` a table with a header; options say which column is what: `csv:labels.csv?image=file&answer=label`."""

from collections.abc import Iterator
from pathlib import Path

from macaw_cli.basics.csv_rows import csv_header, csv_rows
from macaw_cli.basics.json_rows import Row
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.columns import MAPPING, converter
from macaw_cli.dataset.formats.entry import Format, Options, each


def read_csv(path: Path, options: Options) -> Iterator[Row]:
    """Every row as a conversation, or as an item with captions.

    Raises:
        InputError: the file is no CSV, or has not the columns.
    """
    columns = csv_header(path)
    return each(csv_rows(path), converter(columns, options, str(path)) if columns else dict)


def _looks_like(file: Beginning) -> bool:
    return file.suffix in (".csv", ".tsv") and "actions" not in file.columns


CSV = Format(
    name="csv",
    summary="a table with a header, comma-separated (`.tsv`: with tabs); options map its columns",
    read=read_csv,
    options=MAPPING,
    looks_like=_looks_like,
)
