"""Media on this machine: files, folders, glob and brace patterns, JSONL manifests and tars."""

import errno
import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.file_names import on_disk
from macaw_cli.basics.urls import is_url, local_place
from macaw_cli.config.loading import Workspace
from macaw_cli.features.source import Found, Ignored, Refused, Source, reject
from macaw_cli.features.sources.manifests import BadRow, Row, clip_fragment, manifest_rows
from macaw_cli.features.sources.patterns import expand_braces, refuse_compressed
from macaw_cli.features.sources.remote import source_of_url
from macaw_cli.features.sources.tar_members import members_of, source_in_tar
from macaw_cli.media.kinds import meant_place, modality_of, modality_of_name, named_place, reads, unknown_kind
from macaw_cli.modalities.table import Modality

_MADE_BY_MACAW = {"store.json", "dataset.json"}
"""Tars beside one of these hold features."""
_NO_PATH = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
"""Said of a name that may be a pattern, too."""
_CHECK = "Check the file and its permissions."


@dataclass(frozen=True, slots=True)
class _Unlisted:
    """A folder, or a link, of which the system does not tell what is in it."""

    folder: str
    reason: str


def list_local(workspace: Workspace, source: str) -> Iterator[Found]:
    """What one source of this machine names, in a fixed order; of `series:PATH` what series are read from.

    Raises:
        InputError: a path does not exist, is of no use, or is a manifest without a good row.
    """
    wanted, source = named_place(source)
    for path in _expand(workspace, local_place(source)):
        if os.path.isdir(path):  # noqa: PTH112, Path.is_dir raises where the folder above may not be read
            yield from _list_folder(workspace, path, wanted)
        elif not os.path.isfile(path):  # noqa: PTH113, as above; a link to nowhere, that a pattern has found, or a pipe
            name = name_of(workspace, path, path.parent)
            yield Refused(reject(name, None, "It is neither a file nor a folder."), str(path))
        elif path.suffix == ".jsonl":
            yield from _list_manifest(workspace, path)
        else:
            yield from _list_file(workspace, path, wanted)


def local_inputs(workspace: Workspace, sources: list[str]) -> Iterator[Path]:
    """Files and folders of this machine that the sources name: of many in one folder only the first.

    Raises:
        InputError: a path does not exist.
    """
    for source in sources:
        if is_url(source):
            continue
        seen = set()
        for path in _expand(workspace, local_place(named_place(source)[1])):
            if path.parent not in seen or os.path.isdir(path):  # noqa: PTH112, as above
                seen.add(path.parent)
                yield path


def local_manifests(workspace: Workspace, source: str) -> Iterator[str]:
    """What the manifests that a source names are called in the rejects of their rows."""
    for path in _expand(workspace, local_place(named_place(source)[1])):
        if path.suffix == ".jsonl" and os.path.isfile(path):  # noqa: PTH113, as above
            yield name_of(workspace, path, path.parent)


def name_of(workspace: Workspace, file: Path, base: Path) -> str:
    """Relative to the workspace where the file lies inside it, else to `base`: never an absolute path."""
    for folder in (workspace.root, base):
        if file.absolute().is_relative_to(folder.absolute()):
            return file.absolute().relative_to(folder.absolute()).as_posix()
    return file.name


def _expand(workspace: Workspace, source: str) -> list[Path]:
    path = on_disk(workspace.path(source))
    try:
        path.stat()
        return [path]
    except ValueError:
        pass  # it holds a zero byte, and so is told below
    except OSError as error:
        if error.errno not in _NO_PATH:
            raise InputError(f"{path} cannot be read: {_why(error)}.", _CHECK) from None
    if "{" in source and (parts := expand_braces(source)) != [source]:
        return [path for part in parts for path in _expand(workspace, part)]
    if glob.has_magic(source):
        found = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207, absolute patterns
        if found:
            return found
        raise InputError(
            f"No file matches the pattern {source}.",
            "Quote the pattern so that the shell does not expand it.",
        )
    meant = meant_place(os.path.relpath(path, workspace.root))
    raise InputError(
        f"There is no file or folder {path}.", meant or "Check the path; relative paths start at the workspace."
    )


def _list_folder(workspace: Workspace, folder: Path, wanted: Modality | None) -> Iterator[Found]:
    for place in _files_below(str(folder), frozenset()):
        file = Path(place if isinstance(place, str) else place.folder)
        name = name_of(workspace, file, folder.parent)
        if not isinstance(place, str):
            yield Refused(reject(name, None, f"It cannot be read: {place.reason}."), str(file))
        elif file.suffix == ".tar" and wanted is None:
            yield from _list_tar(file, name)
        else:
            modality = _modality(file, wanted)
            yield Source(str(file), name, modality) if modality else Ignored(file.suffix.lower())


def _modality(file: Path, wanted: Modality | None) -> Modality | None:
    if wanted is None:
        return modality_of(file)
    return wanted if reads(wanted, file.name) else None


def _list_file(workspace: Workspace, path: Path, wanted: Modality | None) -> Iterator[Found]:
    refuse_compressed(str(path))
    name = name_of(workspace, path, path.parent)
    if path.suffix == ".tar" and wanted is None:
        yield from _list_tar(path, name)
        return
    modality = _modality(path, wanted)
    if modality is None:
        raise unknown_kind(str(path), wanted)
    yield Source(str(path), name, modality)


def _list_tar(path: Path, name: str) -> Iterator[Found]:
    try:
        with path.open("rb") as tar:
            for member in members_of(tar, path.stat().st_size):
                yield source_in_tar(str(path), name, member)
    except OSError as error:
        yield Refused(reject(name, None, f"It cannot be read: {_why(error)}."), str(path))


def _files_below(folder: str, above: frozenset[tuple[int, int]]) -> Iterator[str | _Unlisted]:
    """Regular files, hidden ones left out, sorted so that the same tree always gives the same order.

    Args:
        folder: where to look.
        above: device and inode of the folders on the way here: a link back to one of them is not followed.
    """
    try:
        found = os.stat(folder)  # noqa: PTH116, millions of Path objects take their time
        here = (found.st_dev, found.st_ino)
        if here in above:
            return
        with os.scandir(folder) as entries:
            visible = sorted((entry for entry in entries if entry.name[0] != "."), key=lambda entry: entry.name)
    except OSError as error:
        yield _Unlisted(folder, _why(error))
        return
    own = any(entry.name in _MADE_BY_MACAW for entry in visible)
    for entry in visible:
        try:
            is_folder, is_file = entry.is_dir(), entry.is_file()
        except OSError as error:  # a link to itself, or one whose target may not be looked at
            yield _Unlisted(entry.path, _why(error))
            continue
        if is_folder:
            yield from _files_below(entry.path, above | {here})
        elif is_file and not (own and entry.name.endswith(".tar")):
            yield entry.path


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _list_manifest(workspace: Workspace, manifest: Path) -> Iterator[Found]:
    called = name_of(workspace, manifest, manifest.parent)
    try:
        with manifest.open("rb") as content:
            for row in manifest_rows(content, str(manifest)):
                if isinstance(row, BadRow):
                    bad = reject(f"{called}, line {row.line}", None, row.reason, manifest=called)
                    yield Refused(bad, f"{manifest}, line {row.line}")
                else:
                    yield _of_manifest(workspace, manifest, called, row)
    except OSError as error:
        raise InputError(f"{manifest} cannot be read: {_why(error)}.", _CHECK) from None


def _of_manifest(workspace: Workspace, manifest: Path, called: str, row: Row) -> Source | Refused:
    wanted, path = named_place(row[0])
    start, end = row[1:]
    if is_url(path):
        return source_of_url(path, start, end, called)
    file = on_disk(manifest.parent / os.path.expanduser(local_place(path)))  # noqa: PTH111, Path raises for a name like ~a.png
    name = name_of(workspace, file, manifest.parent) + clip_fragment(start, end)
    if not os.path.isfile(file):  # noqa: PTH113, Path.is_file raises where the folder above may not be read
        named = wanted or modality_of_name(file.name)
        return Refused(reject(name, named, "File not found.", manifest=called), str(file))
    modality = _modality(file, wanted)
    if modality is None:
        problem = unknown_kind("It", wanted).problem
        return Refused(reject(name, None, problem, manifest=called), str(file))
    return Source(str(file), name, modality, start, end)
