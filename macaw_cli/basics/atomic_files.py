"""Files that are either whole or absent: temporary name, fsync, rename.

Append-only JSONL files are the exception: a crash may tear their last line, so `read_jsonl` drops a last line
that has no newline, and `append_jsonl` first cuts such a line off.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.basics.working_files import (
    kind_of,
    open_own,
    remove_file,
    remove_leftovers,
    remove_own,
    require_replaceable,
    working_name,
)


def fsync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish_folder(unfinished: Path, final: Path, own_names: re.Pattern[str]) -> None:
    """Flush a folder that is whole to the disk and give it its final name, in place of an older one.

    No folder of that name is ever a half-removed one; in the moment of a crash in between, both stand beside it.

    Args:
        unfinished: made by `working_folder`.
        final: where it goes.
        own_names: of what a folder of this kind may hold; one that holds anything else is not replaced.

    Raises:
        InputError: see `require_replaceable_folder`.
    """
    require_replaceable_folder(final, own_names)
    for path in unfinished.rglob("*"):
        if path.is_file():
            with path.open("rb") as written:
                os.fsync(written.fileno())
    fsync_folder(unfinished)
    replaced = final.with_name(working_name(final.name, "old"))
    if kind_of(final):
        final.rename(replaced)
    unfinished.rename(final)
    fsync_folder(final.parent)
    remove_own(replaced)
    remove_leftovers(final.parent, final.name, "old")


def require_replaceable_folder(final: Path, own_names: re.Pattern[str]) -> None:
    """Refuse to replace a folder with anything in it that macaw did not write.

    Raises:
        InputError: `final` is a file or a link, or holds an entry of another name.
    """
    if (found := kind_of(final)) not in ("", "a folder"):
        raise InputError(f"{final} is {found}, but macaw needs to write a folder there.", "Move it away.")
    strangers = sorted(path.name for path in final.iterdir() if not own_names.fullmatch(path.name)) if found else []
    if strangers:
        raise InputError(
            f"{final} would be replaced, but it holds {strangers[0]}, which macaw did not write.",
            "Move it away.",
        )


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on success it is fsynced and renamed to `target`, else removed.

    Raises:
        InputError: `target` is a link, a folder, a pipe or a device.
    """
    require_replaceable(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(target.parent, target.name)
    temporary = target.with_name(working_name(target.name))
    temporary.touch(exist_ok=False)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(target)
        fsync_folder(target.parent)
    except BaseException:
        remove_file(temporary)
        raise


def write_bytes(target: Path, content: bytes) -> None:
    """Write `content` to `target`, whole or not at all."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)


def write_text(target: Path, content: str) -> None:
    """Write UTF-8 `content` to `target`, whole or not at all."""
    write_bytes(target, content.encode())


def write_json(target: Path, content: Any) -> None:
    """Write `content` as indented JSON, whole or not at all."""
    write_text(target, _dumped(content, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file that macaw wrote.

    Raises:
        DamagedError: the file is not JSON.
        InputError: it is no regular file.
        OSError: it does not exist.
    """
    with open_regular(path) as file:
        return parse_json(file.read(), str(path), DamagedError, "Restore it from a copy or make it again.")


def jsonl_line(row: Any) -> str:
    """One row as it stands in a JSONL file, newline included."""
    return _dumped(row) + "\n"


def write_jsonl(target: Path, rows: Iterable[Any]) -> None:
    """Write all `rows` as JSONL, whole or not at all."""
    with atomic_path(target) as temporary, temporary.open("w", encoding="utf-8") as out:
        out.writelines(jsonl_line(row) for row in rows)


def append_jsonl(target: Path, rows: Iterable[Any]) -> None:
    """Append `rows` to `target` and fsync; a torn last line of an earlier crash is cut off first.

    Raises:
        InputError: `target` is a link or no file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    is_new = not target.exists()
    keep_to_one_name(target)
    _cut_torn_line(target)
    with open_own(target, "ab") as out:
        out.write("".join(jsonl_line(row) for row in rows).encode())
        out.flush()
        os.fsync(out.fileno())
    if is_new:
        fsync_folder(target.parent)


def keep_to_one_name(path: Path) -> None:
    """Give a file that has another name too (a hard link, as in a copy made by `cp -l`) bytes of its own."""
    if kind_of(path) == "a file" and os.lstat(path).st_nlink > 1:
        write_bytes(path, path.read_bytes())


def read_jsonl(path: Path) -> list[Any]:
    """All whole rows of a JSONL file that macaw wrote; absent means none.

    Raises:
        DamagedError: a line other than a torn last one is not JSON.
    """
    return list(iterate_jsonl(path))


def iterate_jsonl(path: Path) -> Iterator[Any]:
    """`read_jsonl` one row at a time, for files that are too large for the memory.

    Raises:
        DamagedError: a line other than a torn last one is not JSON.
    """
    for _, row in located_jsonl(path):
        yield row


def located_jsonl(path: Path) -> Iterator[tuple[int, Any]]:
    """Every whole row with the byte at which its line begins.

    Raises:
        DamagedError: a line other than a torn last one is not JSON.
        InputError: it is no regular file.
    """
    if not path.exists():
        return
    with open_regular(path) as lines:
        position = 0
        for number, line in enumerate(lines, start=1):
            text = line.decode("utf-8", errors="replace")
            if text[-1] != "\n":
                return
            try:
                row = parse_json(text)
            except InputError:  # once more for the message: a name for each line takes time
                row = parse_json(text, f"{path}, line {number}", DamagedError, "Restore it from a copy.")
            yield position, row
            position += len(line)


def line_number(path: Path, position: int) -> int:
    """The number of the line that begins at a byte of a file."""
    with path.open("rb") as file:
        return file.read(position).count(b"\n") + 1


def has_torn_line(path: Path) -> bool:
    """Whether a crash left a last line without its end, which readers skip and the next writer cuts off."""
    if not path.exists() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _dumped(content: Any, indent: int | None = None) -> str:
    """JSON in readable characters; escaped where UTF-8 has none, as in file names of other encodings."""
    text = json.dumps(content, indent=indent, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(content, indent=indent)
    return text


def _cut_torn_line(path: Path) -> None:
    """Looks at the last byte first: a long journal is not read again for every row."""
    if has_torn_line(path):
        with open_own(path, "r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
