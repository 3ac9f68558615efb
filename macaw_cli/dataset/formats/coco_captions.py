"""`coco-captions:` the published `captions_train2014.json` and its like: one item per image with all its captions.

The file is one object with the lists `images` (`id`, `file_name`) and `annotations` (`image_id`, `caption`). The
captions of an image are not beside each other, so they are brought together in a temporary database on disk.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import Row, json_lists
from macaw_cli.basics.scratch_database import scratch_database
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.coco_names import coco_name
from macaw_cli.dataset.formats.entry import Format, Options

LISTS = ("images", "annotations")
_TABLES = """
CREATE TABLE images (number INTEGER PRIMARY KEY, id TEXT UNIQUE, name TEXT);
CREATE TABLE captions (id TEXT, caption TEXT);
"""
_CAPTIONED = """
SELECT images.number, images.id, images.name, captions.caption FROM images LEFT JOIN captions USING (id)
ORDER BY images.number, captions.rowid
"""


def read_coco_captions(path: Path, options: Options) -> Iterator[Row]:
    """One item per image, in the order of `images`, or of the first captions where that list is missing.

    Raises:
        InputError: the file is not JSON, or has no `annotations`.
    """
    with closing(scratch_database(_TABLES)) as database:
        yield from _filled(database, path)
        if not database.execute("SELECT count(*) FROM captions").fetchone()[0]:
            raise InputError(f"{path} has no captions under `annotations`.", "Is it COCO's captions_*.json?")
        database.execute("CREATE INDEX by_image ON captions (id)")
        named = database.execute("SELECT count(*) FROM images").fetchone()[0]
        if not named:
            database.execute("INSERT INTO images (id) SELECT id FROM captions GROUP BY id ORDER BY min(rowid)")
        else:
            yield from _strangers(database)
        for (number, key, name), rows in groupby(database.execute(_CAPTIONED), key=lambda row: row[:3]):
            captions = [caption for *_, caption in rows if caption is not None]
            if captions:
                yield number, {"id": key, "image": [name or coco_name(key)], "captions": captions}
            else:
                yield number, InputError(f"the image {name} has no captions")


def _filled(database: sqlite3.Connection, path: Path) -> Iterator[Row]:
    """Read the file into the database; what is wrong in it is yielded."""
    for list_name, number, entry in json_lists(path, LISTS):
        try:
            if isinstance(entry, InputError):
                raise entry
            (_add_image if list_name == "images" else _add_caption)(database, number, entry)
        except UnicodeEncodeError:
            yield number, InputError(f"in the list `{list_name}`: an incomplete character such as \\ud800")
        except InputError as error:
            yield number, InputError(f"in the list `{list_name}`: {error.problem}")


def _add_image(database: sqlite3.Connection, number: int, entry: Any) -> None:
    key, name = _id(entry, "id"), entry.get("file_name")
    if not isinstance(name, str) or not name:
        raise InputError(f"the image {key} needs its name under `file_name`, found {name!r:.60}")
    try:
        database.execute("INSERT INTO images VALUES (?, ?, ?)", (number, key, name))
    except sqlite3.IntegrityError:
        known = database.execute("SELECT name FROM images WHERE id = ?", (key,)).fetchone()[0]
        if known != name:
            raise InputError(f"the image id {key} exists twice, with the files {known} and {name}") from None


def _add_caption(database: sqlite3.Connection, number: int, entry: Any) -> None:
    key, caption = _id(entry, "image_id"), entry.get("caption")
    if not isinstance(caption, str) or not caption.strip():
        raise InputError(f"the image {key} has a caption that is empty or no text: {caption!r:.60}")
    database.execute("INSERT INTO captions VALUES (?, ?)", (key, caption.strip()))


def _id(entry: Any, name: str) -> str:
    value = entry.get(name) if isinstance(entry, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | str) or len(str(value)) > 1000:
        raise InputError(f"needs a number or a name under `{name}`, found {entry!r:.60}")
    return str(value)


def _strangers(database: sqlite3.Connection) -> Iterator[Row]:
    asked = "SELECT min(rowid), id FROM captions WHERE id NOT IN (SELECT id FROM images) GROUP BY id ORDER BY 1"
    for number, key in database.execute(asked):
        yield number, InputError(f"in the list `annotations`: the image {key} is not in the list `images`")


def _looks_like(file: Beginning) -> bool:
    return file.path.name.startswith("captions_") and file.suffix == ".json" and "data" not in file.members


COCO_CAPTIONS = Format(
    name="coco-captions",
    summary="COCO's `captions_*.json`: one item per image with all its captions",
    read=read_coco_captions,
    looks_like=_looks_like,
)
