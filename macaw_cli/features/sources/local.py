"""Media on this machine: files, folders, glob and brace patterns, JSONL manifests and tars."""

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.urls import is_url, local_place
from macaw_cli.config.loading import Workspace
from macaw_cli.features.sources.manifests import clip_fragment, manifest_row
from macaw_cli.features.sources.patterns import expand_braces, refuse_compressed
from macaw_cli.features.sources.remote import source_of_url
from macaw_cli.features.sources.source import Found, Refused, Source, reject
from macaw_cli.features.sources.tar_members import members_of, source_in_tar
from macaw_cli.media.kinds import modality_of

_MADE_BY_MACAW = {"store.json", "dataset.json"}
"""Tars beside one of these hold features."""


def list_local(workspace: Workspace, source: str) -> Iterator[Found]:
    """What one source of this machine names, in a fixed order.

    Raises:
        InputError: a path does not exist, is of no use, or a manifest has a bad row.
    """
    for path in _expand(workspace, local_place(source)):
        if path.suffix == ".jsonl":
            yield from _list_manifest(workspace, path)
        elif path.is_file():
            yield from _list_file(workspace, path)
        else:
            for file in map(Path, _files_below(path)):
                if file.suffix == ".tar":
                    yield from _list_tar(file, name_of(workspace, file, path.parent))
                else:
                    modality = modality_of(file)
                    yield Source(str(file), name_of(workspace, file, path.parent), modality) if modality else None


def name_of(workspace: Workspace, file: Path, base: Path) -> str:
    """Relative to the workspace where the file lies inside it, else to `base`: never an absolute path."""
    for folder in (workspace.root, base):
        if file.absolute().is_relative_to(folder.absolute()):
            return file.absolute().relative_to(folder.absolute()).as_posix()
    return file.name


def _expand(workspace: Workspace, source: str) -> list[Path]:
    path = workspace.path(source)
    if path.exists():
        return [path]
    if "{" in source and (parts := expand_braces(source)) != [source]:
        return [path for part in parts for path in _expand(workspace, part)]
    if glob.has_magic(source):
        found = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207, absolute patterns
        if found:
            return found
        raise InputError(f"No file fits the pattern {source}.", "Quote it so that the shell leaves it alone.")
    raise InputError(f"There is no file or folder {path}.", "Check the path; relative ones start at the workspace.")


def _list_file(workspace: Workspace, path: Path) -> Iterator[Found]:
    refuse_compressed(str(path))
    name = name_of(workspace, path, path.parent)
    if path.suffix == ".tar":
        yield from _list_tar(path, name)
        return
    modality = modality_of(path)
    if modality is None:
        raise InputError(f"{path} is no image, sound or film.")
    yield Source(str(path), name, modality)


def _list_tar(path: Path, name: str) -> Iterator[Found]:
    try:
        with path.open("rb") as tar:
            for member in members_of(tar, path.stat().st_size):
                yield source_in_tar(str(path), name, member)
    except OSError as error:
        yield Refused(reject(name, None, f"It cannot be read: {error.strerror}."))


def _files_below(folder: Path) -> Iterator[str]:
    """Regular files, hidden ones left out, sorted so that the same tree always gives the same order."""
    with os.scandir(folder) as entries:
        visible = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    own = any(entry.name in _MADE_BY_MACAW for entry in visible)
    for entry in visible:
        if entry.is_dir():
            yield from _files_below(Path(entry.path))
        elif entry.is_file() and not (own and entry.name.endswith(".tar")):
            yield entry.path


def _list_manifest(workspace: Workspace, manifest: Path) -> Iterator[Found]:
    with manifest.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _of_manifest(workspace, manifest, line.strip(), number)


def _of_manifest(workspace: Workspace, manifest: Path, line: str, number: int) -> Source | Refused:
    path, start, end = manifest_row(line, f"{manifest}, line {number}")
    if is_url(path):
        return source_of_url(path, start, end)
    file = manifest.parent / Path(local_place(path)).expanduser()
    name = name_of(workspace, file, manifest.parent) + clip_fragment(start, end)
    modality = modality_of(file)
    if not file.is_file():
        return Refused(reject(name, modality, "There is no such file."))
    if modality is None:
        return Refused(reject(name, None, "It is no image, sound or film."))
    return Source(str(file), name, modality, start, end)
