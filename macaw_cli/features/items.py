"""A medium by its content: equal files are one item, however many names they have."""

import hashlib
import os
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from macaw_cli.config.settings import Modality
from macaw_cli.features.hash_cache import HashCache, stamp_of
from macaw_cli.features.sources import Refused, Source, reject

_HASHING_THREADS = 4
_AHEAD = 64
"""Files that are being hashed or wait, hashed, to be asked for."""
_CHUNK = 1 << 20
_RUNTIME_ONLY = ("stamp",)


@dataclass(slots=True)
class Item:
    """One content of one modality, or one clip of it.

    Attributes:
        key: first 32 hex digits of the SHA-256 of the bytes, for a clip of the bytes and its times.
        sha256: of the whole file.
        bytes: size of the file.
        file: one of its places, where it is now; relative to the store in the journal.
        offset: where it begins in `file`, when that is a tar; None when it is the whole file.
        names: every source path with this content.
        stamp: of the file when it was hashed (see `hash_cache`); a file with another one has changed since.
    """

    key: str
    modality: Modality
    sha256: str
    bytes: int
    file: str
    start: float | None = None
    end: float | None = None
    offset: int | None = None
    names: list[str] = field(default_factory=list)
    stamp: str = ""

    def row(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return {name: value for name, value in asdict(self).items()
                if name not in _RUNTIME_ONLY and not (name == "offset" and value is None)}  # fmt: skip


def identify(sources: Iterator[Source | Refused], cache: HashCache, base: Path) -> Generator[Item | Refused]:
    """Hash all sources, some ahead of the one that is asked for.

    Args:
        sources: media; what is refused already is passed on.
        cache: knows files that have not changed since an earlier run.
        base: places in the cache are relative to it, so that a workspace can be moved.

    Yields:
        In the order of `sources`, each with its one name, or refused when its file cannot be read.
    """
    waiting: deque[tuple[Source, str, str, Future[str]] | Item | Refused] = deque()
    fresh: list[tuple[str, str, str]] = []
    with ThreadPoolExecutor(_HASHING_THREADS, thread_name_prefix="hashing") as threads:
        try:
            for source in sources:
                waiting.append(source if isinstance(source, Refused) else _begin(source, cache, base, threads))
                if len(waiting) > _AHEAD:
                    yield _end(waiting.popleft(), fresh)
                if len(fresh) >= _AHEAD:
                    cache.put(fresh)
                    fresh.clear()
            while waiting:
                yield _end(waiting.popleft(), fresh)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            cache.put(fresh)


def unchanged(item: Item, base: Path, cache: HashCache) -> bool:
    """Whether the file of an item from the journal is still there with the same content; if so, sets its stamp."""
    file = os.path.normpath(base / item.file)
    source = Source(file, "", item.modality, offset=item.offset, size=item.bytes)
    try:
        item.stamp = stamp_of(source.file)
        place = _place(source, base)
        found = cache.get(place, item.stamp)
        if found is None:
            found = _sha256(source)
            cache.put([(place, item.stamp, found)])
    except OSError:
        found = ""
    if found != item.sha256:
        item.stamp = ""
    return bool(item.stamp)


def _begin(
    source: Source, cache: HashCache, base: Path, threads: ThreadPoolExecutor
) -> "tuple[Source, str, str, Future[str]] | Item | Refused":
    try:
        stamp = stamp_of(source.file)
    except OSError as error:
        return _unreadable(source, error)
    place = _place(source, base)
    known = cache.get(place, stamp)
    return _item(source, known, stamp) if known else (source, place, stamp, threads.submit(_sha256, source))


def _end(
    waiting: "tuple[Source, str, str, Future[str]] | Item | Refused", fresh: list[tuple[str, str, str]]
) -> Item | Refused:
    if not isinstance(waiting, tuple):
        return waiting
    source, place, stamp, future = waiting
    try:
        sha256 = future.result()
    except OSError as error:
        return _unreadable(source, error)
    fresh.append((place, stamp, sha256))
    return _item(source, sha256, stamp)


def _unreadable(source: Source, error: OSError) -> Refused:
    return Refused(reject(source.name, source.modality, f"It cannot be read: {error.strerror}."))


def _item(source: Source, sha256: str, stamp: str) -> Item:
    key = sha256[:32]
    if source.start is not None or source.end is not None:
        clip = f"#t={source.start or 0.0},{source.end}"
        key = hashlib.sha256(bytes.fromhex(sha256) + clip.encode()).hexdigest()[:32]
    size = int(stamp.partition(".")[0]) if source.size is None else source.size
    return Item(
        key, source.modality, sha256, size, source.file, source.start, source.end, source.offset, [source.name], stamp
    )


def _place(source: Source, base: Path) -> str:
    place = os.path.relpath(source.file, base)
    return place if source.offset is None else f"{place}#{source.offset}+{source.size}"


def _sha256(source: Source) -> str:
    with Path(source.file).open("rb") as file:
        if source.offset is None or source.size is None:
            return hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(source.offset)
        return _digest(file, source.size)


def _digest(file: BinaryIO, size: int) -> str:
    digest = hashlib.sha256()
    while size and (chunk := file.read(min(size, _CHUNK))):
        digest.update(chunk)
        size -= len(chunk)
    if size:
        raise OSError(0, "the file ends before it")
    return digest.hexdigest()
