"""Media beyond this machine, by fsspec URL: folders, single files, patterns, JSONL manifests and tars.

A folder is listed request by request, never file by file, and nothing is fetched but manifests and tars: what a file
is says its name, and its first bytes correct that once they are here (see `remote.fetching`).
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial

from macaw_cli.basics.background import abandonable
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.remote_files import (
    Info,
    driver_errors_are_told,
    list_folder,
    open_filesystem,
    remote_info,
    stamp_of_info,
)
from macaw_cli.basics.remote_transfer import open_remote
from macaw_cli.basics.shown_text import cut
from macaw_cli.basics.urls import extension_of, folder_of, joined, name_of_url, without_secrets
from macaw_cli.features.remote.fetching import Staging
from macaw_cli.features.source import Found, Ignored, Refused, Source, Uncounted, reject
from macaw_cli.features.sources.manifest_places import place_in_remote_manifest, require_driver
from macaw_cli.features.sources.manifests import BadRow, clip_fragment, manifest_rows
from macaw_cli.features.sources.patterns import expand_braces, refuse_compressed
from macaw_cli.features.sources.tar_members import TarMember, members_at_the_beginning, members_of, source_in_tar
from macaw_cli.media.kinds import modality_of_name
from macaw_cli.modalities.table import Modality, in_words

_TAR_HEAD = 4 << 20
"""Bytes of a remote tar that a survey reads."""


def list_remote(url: str, staging: Staging | None) -> Iterator[Found]:
    """What one URL names, in a fixed order.

    Args:
        url: of a file, a folder or a pattern.
        staging: where tars are fetched to; None looks at their beginnings only and estimates the rest.

    Raises:
        InputError: it does not exist, may not be read, is of no use, or is a manifest without a good row.
        ResourceError: it cannot be reached.
        MissingDependencyError: the driver is not installed.
    """
    for place in expand_braces(url) if "{" in url else [url]:
        web = place.startswith(("http://", "https://"))
        if "*" in place or ("[" in place and not web):
            yield from _list_pattern(place, staging)
        elif web and place.endswith("/"):
            yield from _list_below(place, staging, named=True)
        else:
            with driver_errors_are_told(place):
                info = remote_info(place)
            if info.get("type") == "directory":
                yield from _list_below(place, staging, named=True)
            else:
                yield from _list_file(place, info, staging, named=True)


def remote_manifests(url: str) -> Iterator[str]:
    """What the manifests that a URL names are called in the rejects of their rows."""
    for place in expand_braces(url) if "{" in url else [url]:
        if extension_of(place) == ".jsonl":
            yield name_of_url(place)


def source_of_url(url: str, start: float | None, end: float | None, manifest: str) -> Source | Refused:
    """A row of the manifest of that name; whether it can be fetched turns out later."""
    name = name_of_url(url) + clip_fragment(start, end)
    modality = modality_of_name(f"x{extension_of(url)}")
    if modality is None:
        problem = f"It does not have the name of an {in_words()} file."
        return Refused(reject(name, None, problem, manifest=manifest), url)
    try:
        require_driver(url)
    except InputError as error:
        return Refused(reject(name, modality, error.problem, manifest=manifest), url)
    return Source(url, name, modality, start, end)


def _list_pattern(pattern: str, staging: Staging | None) -> Iterator[Found]:
    filesystem, path = open_filesystem(pattern)
    with driver_errors_are_told(pattern):
        found: dict[str, Info] = abandonable(partial(filesystem.glob, path, detail=True))
    if not found:
        problem = f"No file matches the pattern {without_secrets(pattern)}."
        raise InputError(problem, "Quote the pattern so that the shell does not expand it.")
    for place, info in sorted(found.items()):
        url = str(filesystem.unstrip_protocol(place))
        if info.get("type") == "directory":
            yield from _list_below(url, staging)
        else:
            yield from _list_file(url, info, staging)


def _list_below(url: str, staging: Staging | None, *, named: bool = False) -> Iterator[Found]:
    """Files below a folder, hidden ones left out, sorted as those of a folder of this machine are."""
    entries = list_folder(url)
    if named and not entries:
        raise InputError(f"{without_secrets(url)} is empty.", "Check the URL, including the name of the bucket.")
    for name, info in entries.items():
        if name.startswith("."):
            continue
        if info.get("type") == "directory":
            yield from _list_below(joined(url, name), staging)
        else:
            yield from _list_file(joined(url, name), info, staging)


def _list_file(url: str, info: Info, staging: Staging | None, *, named: bool = False) -> Iterator[Found]:
    extension = extension_of(url)
    modality = modality_of_name(f"x{extension}")
    if named:
        refuse_compressed(without_secrets(url))
    if extension == ".tar":
        yield from _list_tar(url, info, staging) if staging else _survey_tar(url, info)
    elif extension == ".jsonl" and named:
        yield from _list_manifest(url)
    elif modality:
        yield Source(url, name_of_url(url), modality, stamp=stamp_of_info(info))
    elif named:
        raise InputError(f"{without_secrets(url)} does not have the name of an {in_words()} file.")
    else:
        yield Ignored(extension)


def _list_manifest(url: str) -> Iterator[Found]:
    called = name_of_url(url)
    with driver_errors_are_told(url), open_remote(url) as content:
        for row in manifest_rows(content, without_secrets(url)):
            if isinstance(row, BadRow):
                bad = reject(f"{called}, line {row.line}", None, row.reason, manifest=called)
                yield Refused(bad, f"{url}, line {row.line}")
                continue
            place, start, end = row
            try:
                there = place_in_remote_manifest(folder_of(url), place)
            except InputError as error:
                yield Refused(reject(cut(without_secrets(place)), None, error.problem, manifest=called), place)
            else:
                yield source_of_url(there, start, end, called)


def _list_tar(url: str, info: Info, staging: Staging) -> Iterator[Found]:
    name, stamp = name_of_url(url), stamp_of_info(info)
    with driver_errors_are_told(url), staging.tar(url, info) as (tar, staged):
        for member in members_of(tar, int(info["size"])):
            found = source_in_tar(url, name, member)
            if isinstance(found, Source):
                found = staging.shared(found, stamp, staged)
            yield found


def _survey_tar(url: str, info: Info) -> Iterator[Found]:
    """The members in the tar's first bytes, and how many there are in all if it goes on like this."""
    filesystem, path = open_filesystem(url)
    size = int(info["size"])
    with driver_errors_are_told(url):
        head: bytes = abandonable(partial(filesystem.cat_file, path, start=0, end=min(size, _TAR_HEAD)))
    found = members_at_the_beginning(head, size)
    media = [member for member in found if isinstance(member, TarMember)]
    for member in found:
        source = source_in_tar(url, name_of_url(url), member)
        yield source if not isinstance(source, Source) else Source(
            url, source.name, source.modality, offset=source.offset, size=source.size, stamp=stamp_of_info(info)
        )
    if media and len(head) < size:
        seen = max(len(head), media[-1].offset + media[-1].size)
        counts = Counter[Modality](member.modality for member in media)
        yield Uncounted(Counter({kind: round(count * (size / seen - 1)) for kind, count in counts.items()}))
