"""What the user names as sources, as a list of media: files, folders, patterns and JSONL manifests."""

import glob
import json
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
    """One file, or one clip of it.

    Attributes:
        file: where it is now.
        name: how the store calls it: relative, with `/`, a clip with `#t=start,end`.
        start: first second of a clip, or None.
        end: last second of a clip, or None.
    """

    file: Path
    name: str
    modality: Modality
    start: float | None = None
    end: float | None = None


@dataclass(slots=True)
class Listing:
    """All media found, in order, the rows of manifests that cannot be used, and how many files were no media."""

    media: list[Source] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    ignored: int = 0


def reject(name: str, modality: Modality | None, reason: str, key: str | None = None) -> dict[str, Any]:
    """A row of `rejects.jsonl`: which source, what was wanted of it, and why it cannot be had."""
    return {"path": name, "modality": modality, "key": key, "reason": reason}


def list_sources(workspace: Workspace, sources: list[str], limit: int | None = None) -> Listing:
    """Find the media that `sources` name; folders recursively, in the order of their names.

    Args:
        workspace: paths are relative to it, and names too for what lies inside it.
        sources: files, folders, glob patterns or `.jsonl` manifests with `{"path", "start"?, "end"?}` rows.
        limit: take only the first so many.

    Raises:
        UsageError: no source is named.
        InputError: a path does not exist, nothing under the sources is a medium, or a manifest has a bad row.
    """
    if not sources:
        raise UsageError("No sources are named.", "Type `macaw extract-features FOLDER`, or set features.sources.")
    listing = Listing()
    for source in sources:
        for path in _expand(workspace, source):
            _list_one(workspace, path, listing)
    listing.media = list({media.name: media for media in listing.media}.values())
    if not listing.media and not listing.rejects:
        others = f" ({listing.ignored} files of other kinds)" if listing.ignored else ""
        raise InputError(f"There are no images, sounds or films in {', '.join(sources)}{others}.", "Check the path.")
    listing.media = listing.media[:limit]
    return listing


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


def _list_one(workspace: Workspace, path: Path, listing: Listing) -> None:
    if path.suffix == ".jsonl":
        _list_manifest(workspace, path, listing)
    elif path.suffix == ".tar":
        raise InputError(f"{path} is a tar; media are read from files only.", "Unpack it, and name its folder.")
    elif path.is_file():
        modality = modality_of(path)
        if modality is None:
            raise InputError(f"{path} is no image, sound or film.")
        listing.media.append(Source(path, _name(workspace, path, path.parent), modality))
    else:
        for file in _files_below(path):
            modality = modality_of(file)
            if modality is None:
                listing.ignored += 1
            else:
                listing.media.append(Source(file, _name(workspace, file, path.parent), modality))


def _files_below(folder: Path) -> Iterator[Path]:
    """Regular files, hidden ones left out, sorted so that the same tree always gives the same order."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _files_below(entry)
        elif entry.is_file():
            yield entry


def _list_manifest(workspace: Workspace, manifest: Path, listing: Listing) -> None:
    for number, line in enumerate(manifest.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        path, start, end = _manifest_row(line, f"{manifest}, line {number}")
        file = manifest.parent / Path(path).expanduser()
        name = _name(workspace, file, manifest.parent) + _clip(start, end)
        modality = modality_of(file)
        if not file.is_file():
            listing.rejects.append(reject(name, modality, "There is no such file."))
        elif modality is None:
            listing.rejects.append(reject(name, None, "It is no image, sound or film."))
        else:
            listing.media.append(Source(file, name, modality, start, end))


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


def _name(workspace: Workspace, file: Path, base: Path) -> str:
    """Relative to the workspace where the file lies inside it, else to `base`: never an absolute path."""
    for folder in (workspace.root, base):
        if file.absolute().is_relative_to(folder.absolute()):
            return file.absolute().relative_to(folder.absolute()).as_posix()
    return file.name
