"""What the user names as sources, as a stream of media: files, folders, patterns, JSONL manifests and tars.

Nothing here keeps more than one folder's names at a time: a listing of millions of files costs no memory.
"""

import glob
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Modality
from macaw_cli.media.kinds import modality_of


@dataclass(frozen=True, slots=True)
class Source:
    """One file, one clip of it, or one member of a tar.

    Attributes:
        file: where its bytes are now.
        name: how the store calls it: relative, with `/`, a clip with `#t=start,end`.
        start: first second of a clip, or None.
        end: last second of a clip, or None.
        offset: where a tar's member begins in `file`, or None.
        size: of that member in bytes.
    """

    file: str
    name: str
    modality: Modality
    start: float | None = None
    end: float | None = None
    offset: int | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A named source that cannot be used: a row of `rejects.jsonl`."""

    row: dict[str, Any]


@dataclass(slots=True)
class Survey:
    """A first look over the sources: how many media of each modality, unusable rows, and files that are no media."""

    media: Counter[Modality] = field(default_factory=Counter)
    refused: int = 0
    ignored: int = 0


_Found = Source | Refused | None
"""A medium, a named source that cannot be used, or (None) a file of another kind in a folder."""


def reject(name: str, modality: Modality | None, reason: str, key: str | None = None) -> dict[str, Any]:
    """A row of `rejects.jsonl`: which source, what was wanted of it, and why it cannot be had."""
    return {"path": name, "modality": modality, "key": key, "reason": reason}


def survey_sources(workspace: Workspace, sources: list[str], limit: int | None = None) -> Survey:
    """Count what `list_sources` will give.

    Raises:
        UsageError: no source is named.
        InputError: a path does not exist, nothing under the sources is a medium, or a manifest has a bad row.
    """
    if not sources:
        raise UsageError("No sources are named.", "Type `macaw extract-features FOLDER`, or set features.sources.")
    found = Survey()
    for entry in _limited(_everything(workspace, sources), limit):
        if entry is None:
            found.ignored += 1
        elif isinstance(entry, Refused):
            found.refused += 1
        else:
            found.media[entry.modality] += 1
    if not found.media and not found.refused:
        others = f" ({found.ignored} files of other kinds)" if found.ignored else ""
        raise InputError(f"There are no images, sounds or films in {', '.join(sources)}{others}.", "Check the path.")
    return found


def list_sources(workspace: Workspace, sources: list[str], limit: int | None = None) -> Iterator[Source | Refused]:
    """The media that `sources` name, each name once; folders recursively, in the order of their names.

    Args:
        workspace: paths are relative to it, and names too for what lies inside it.
        sources: files, folders, glob patterns or `.jsonl` manifests with `{"path", "start"?, "end"?}` rows.
        limit: take only the first so many media.

    Yields:
        Media, and rows of manifests that cannot be used.

    Raises:
        InputError: a path does not exist, or a manifest has a bad row.
    """
    seen: set[bytes] = set()
    for entry in _limited(_everything(workspace, sources), limit):
        if entry is None:
            continue
        name = entry.name if isinstance(entry, Source) else entry.row["path"]
        digest = hashlib.blake2b(os.fsencode(name), digest_size=16).digest()
        if digest not in seen:
            seen.add(digest)
            yield entry


def _limited(found: Iterator[_Found], limit: int | None) -> Iterator[_Found]:
    if limit is None:
        yield from found
        return
    count = 0
    for entry in found:
        count += isinstance(entry, Source)
        if count > limit:
            return
        yield entry


def _everything(workspace: Workspace, sources: list[str]) -> Iterator[_Found]:
    for source in sources:
        for path in _expand(workspace, source):
            yield from _list_one(workspace, path)


def _expand(workspace: Workspace, source: str) -> list[Path]:
    path = workspace.path(source)
    if path.exists():
        return [path]
    if glob.has_magic(source):
        found = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207, absolute patterns
        if found:
            return found
        raise InputError(f"No file fits the pattern {source}.", "Quote it so that the shell leaves it alone.")
    raise InputError(f"There is no file or folder {path}.", "Check the path; relative ones start at the workspace.")


def _list_one(workspace: Workspace, path: Path) -> Iterator[_Found]:
    if path.suffix == ".jsonl":
        yield from _list_manifest(workspace, path)
    elif path.suffix == ".tar":
        raise InputError(f"{path} is a tar; media are read from files only.", "Unpack it, and name its folder.")
    elif path.is_file():
        modality = modality_of(path)
        if modality is None:
            raise InputError(f"{path} is no image, sound or film.")
        yield Source(str(path), name_of(workspace, path, path.parent), modality)
    else:
        for file in _files_below(path):
            modality = modality_of(Path(file))
            yield Source(file, name_of(workspace, Path(file), path.parent), modality) if modality else None


def _files_below(folder: Path) -> Iterator[str]:
    """Regular files, hidden ones left out, sorted so that the same tree always gives the same order."""
    with os.scandir(folder) as entries:
        visible = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    for entry in visible:
        if entry.is_dir():
            yield from _files_below(Path(entry.path))
        elif entry.is_file():
            yield entry.path


def _list_manifest(workspace: Workspace, manifest: Path) -> Iterator[_Found]:
    with manifest.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _of_manifest(workspace, manifest, line.strip(), number)


def _of_manifest(workspace: Workspace, manifest: Path, line: str, number: int) -> Source | Refused:
    path, start, end = _manifest_row(line, f"{manifest}, line {number}")
    file = manifest.parent / Path(path).expanduser()
    name = name_of(workspace, file, manifest.parent) + _clip(start, end)
    modality = modality_of(file)
    if not file.is_file():
        return Refused(reject(name, modality, "There is no such file."))
    if modality is None:
        return Refused(reject(name, None, "It is no image, sound or film."))
    return Source(str(file), name, modality, start, end)


def _manifest_row(line: str, where: str) -> tuple[str, float | None, float | None]:
    hint = 'Each line is {"path": "a.mp4"}, with "start" and "end" in seconds for a clip.'
    try:
        row = json.loads(line)
        path, start, end = row["path"], row.get("start"), row.get("end")
        start, end = (None if second is None else float(second) for second in (start, end))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{where} is no row of a manifest: {line[:80]}", hint) from None
    if (start or 0) < 0 or (end is not None and end <= (start or 0)):
        raise InputError(f"{where}: the clip from {start} s to {end} s has no length.", hint)
    return str(path), start, end


def _clip(start: float | None, end: float | None) -> str:
    """The clip as a media fragment, as in `film.mp4#t=1.5,4`."""
    if start is None and end is None:
        return ""
    return f"#t={start or 0:g}" + ("" if end is None else f",{end:g}")


def name_of(workspace: Workspace, file: Path, base: Path) -> str:
    """Relative to the workspace where the file lies inside it, else to `base`: never an absolute path."""
    for folder in (workspace.root, base):
        if file.absolute().is_relative_to(folder.absolute()):
            return file.absolute().relative_to(folder.absolute()).as_posix()
    return file.name
