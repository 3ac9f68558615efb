"""Who owns a folder: macaw writes where nothing is, or where its own marker says that it made the folder.

Every command that writes asks here before any work. A marker is a file such as `store.json`; a link to one is none.
"""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.locks import LOCK_NAME
from macaw_cli.basics.working_files import is_working_name, kind_of

MARKERS = {
    "store.json": "feature store", "dataset.json": "dataset", "settings.yaml": "run", "config.json": "model",
    "macaw.yaml": "workspace",
}  # fmt: skip
"""Files by which a message names what a folder is."""
GENERATOR = '<meta name="generator" content="macaw">'
"""Marks a page that macaw wrote; it stands within the first `_HEAD` bytes."""
_HEAD = 4096
_NAMED = 3
"""Entries of a foreign folder that a message names."""
_ELSEWHERE = "Name a new or an empty folder."

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]+:")
"""What a URL leaves as the first part of a path, such as `s3:`."""


@dataclass(frozen=True)
class FolderKind:
    """One kind of folder that macaw writes.

    Attributes:
        title: what people call it.
        is_own: whether the folder carries the kind's marker, in a format that this macaw knows; raises
            `MismatchError` for one of a newer macaw.
    """

    title: str
    is_own: Callable[[Path], bool]


def never(folder: Path) -> bool:
    """`is_own` of a kind whose folders are only made, never written into again."""
    del folder
    return False


def require_own_folder(folder: Path, kind: FolderKind, hint: str = _ELSEWHERE) -> None:
    """Refuse a folder that macaw must not write into; call it before any work, and before the folder's lock.

    Args:
        folder: missing, empty, or one that an earlier command of the same kind has made; it may be a link to such a
            folder.
        kind: what is going to be there.
        hint: what to do otherwise.

    Raises:
        InputError: something else is there; the message names it.
        MismatchError: a newer macaw made it.
    """
    require_local(folder)
    entries = _entries(folder, hint)
    if not entries or kind.is_own(folder):
        return
    raise InputError(f"{folder} is not a macaw {kind.title}: it holds {_told(folder, entries)}.", hint)


def require_new_folder(folder: Path, work: str, hint: str = "Choose another --out, or delete it.") -> None:
    """Refuse a folder that is there with anything in it, whoever made it: what macaw made is in use as well.

    Args:
        folder: missing, or an empty folder; no link.
        work: what never overwrites, such as `an export`.
        hint: what to do otherwise.

    Raises:
        InputError: something is there.
    """
    if kind_of(folder) and not (kind_of(folder) == "a folder" and is_untouched(folder)):
        raise InputError(f"{folder} exists already, and {work} never overwrites.", hint)


def require_local(folder: Path) -> None:
    """Refuse a URL where a folder of this machine is needed: as a path, it would become folders of that name.

    Raises:
        UsageError: it begins like a URL.
    """
    if any(_SCHEME.fullmatch(part) for part in folder.parts):
        raise UsageError(f"{folder} is a URL; a folder on this machine is needed here.", "Name a local folder.")


def is_untouched(folder: Path) -> bool:
    """Whether a folder is missing, or holds nothing but what a macaw command leaves when it is killed at once.

    Raises:
        InputError: it is no folder, or cannot be read.
    """
    return not _entries(folder, _ELSEWHERE)


def marker_content(path: Path) -> dict[str, Any] | None:
    """The JSON object in a marker; None when it is missing, a link, or something else."""
    if kind_of(path) != "a file":
        return None
    try:
        content = parse_json(path.read_bytes())
    except (OSError, InputError):
        return None
    return content if isinstance(content, dict) else None


def require_apart(output: Path, inputs: Iterable[Path | str], hint: str = "Name another place with --out.") -> None:
    """Refuse an output that is an input, lies in one, or contains one; links and other names do not hide it.

    Args:
        output: need not exist yet.
        inputs: files and folders of this machine; those that do not exist are left out.
        hint: what to do then.

    Raises:
        InputError: the output is an input, lies inside one, or contains one.
    """
    above_output = _identities(Path(output))
    for given in inputs:
        above_input = _identities(Path(given))
        if not os.path.lexists(given) or not above_input:
            continue
        if above_input[0] in above_output:
            how = "is the source itself" if above_input[0] == above_output[0] else f"lies inside the source {given}"
        elif os.path.lexists(output) and above_output[0] in above_input:
            how = f"contains the source {given}"
        else:
            continue
        raise InputError(f"{output} cannot be written: it {how}.", hint)


def require_own_page(target: Path) -> None:
    """Refuse to replace a file that is no page of macaw's.

    Raises:
        InputError: `target` is another file, a link, a folder or the like.
    """
    found = kind_of(target)
    if found == "a file":
        try:
            with target.open("rb") as page:
                found = "" if GENERATOR.encode() in page.read(_HEAD) else "a file that macaw did not write"
        except OSError as error:
            found = f"a file that cannot be read ({error.strerror})"
    if found:
        raise InputError(f"The page would replace {target}, which is {found}.", "Name another place with --out.")


def _entries(folder: Path, hint: str) -> list[str]:
    """What a folder holds besides macaw's working files; nothing for one that is missing."""
    try:
        found = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        if os.path.lexists(folder):
            raise InputError(f"{folder} is a broken symbolic link.", hint) from None
        return []
    except NotADirectoryError:
        above = next(path for path in (folder, *folder.parents) if kind_of(path) not in ("", "a folder"))
        raise InputError(f"{folder} cannot be a folder: {above} is {kind_of(above)} in the way.", hint) from None
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}.", hint) from None
    return sorted(name for name in found if name != LOCK_NAME and not is_working_name(name))


def _told(folder: Path, entries: list[str]) -> str:
    for marker, title in MARKERS.items():
        if marker in entries:
            how = {"a file": "", "a link": ", a link"}.get(kind_of(folder / marker), f", {kind_of(folder / marker)}")
            return f"what may be another {title} ({marker}{how})"
    more = f" and {len(entries) - _NAMED} more" if len(entries) > _NAMED else ""
    return ", ".join(entries[:_NAMED]) + more


def _identities(path: Path) -> list[tuple[int, int] | str]:
    """Of a path and all folders above it: device and inode, or the path itself where there is nothing yet."""
    real = Path(os.path.realpath(path))
    found: list[tuple[int, int] | str] = []
    for place in (real, *real.parents):
        try:
            status = place.stat()
            found.append((status.st_dev, status.st_ino))
        except OSError:
            found.append(str(place))
    return found
