"""`charades:` the published `Charades_v1_train.csv`: one item per video, with its descriptions and its script."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics.csv_rows import csv_rows
from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.json_rows import Row
from macaw_cli.basics.shown_text import shown
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.entry import Format, Options, each

COLUMNS = ("id", "script", "descriptions")
TEXTS = {"both": ("descriptions", "script"), "descriptions": ("descriptions",), "script": ("script",)}


def read_charades(path: Path, options: Options) -> Iterator[Row]:
    """One item per video.

    Raises:
        UsageError: `text` is something else.
        InputError: the file is no CSV.
    """
    text = options.get("text", "both")
    if text not in TEXTS:
        raise UsageError(f"charades: `text` is {', '.join(TEXTS)}, found {shown(text)}.", "Correct it.")
    return each(csv_rows(path), lambda row: _item(row, TEXTS[text]))


def _item(row: dict[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
    missing = [name for name in COLUMNS if name not in row]
    if missing:
        raise InputError(f"has no column `{missing[0]}`; Charades has {', '.join(COLUMNS)} and more")
    if not row["id"].strip():
        raise InputError("has no id")
    # several people described a video, and their texts stand in one field
    texts = [text for name in columns for text in (row[name].split(";") if name == "descriptions" else [row[name]])]
    captions = list(dict.fromkeys(text.strip() for text in texts if text.strip()))
    if not captions:
        raise InputError(f"the video {row['id']} has no {' or '.join(columns)}")
    return {"id": row["id"], "video": [f"{row['id']}.mp4"], "captions": captions}


def _looks_like(file: Beginning) -> bool:
    return {*COLUMNS, "actions"} <= set(file.columns)


CHARADES = Format(
    name="charades",
    summary="Charades' CSV: one item per video with its descriptions and its script",
    read=read_charades,
    options={"text": "`both` (default), `descriptions` of the video, or the `script` that its actors were given"},
    looks_like=_looks_like,
)
