"""A medium by its content: equal files are one item, however many names they have."""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from macaw_cli.basics.background import never, require_going_on, result_of
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.fingerprints import sha256_file, sha256_range
from macaw_cli.basics.urls import is_url, without_secrets
from macaw_cli.features.hash_cache import HashCache, stamp_of
from macaw_cli.features.remote.fetching import Looked, Staging
from macaw_cli.features.source import Refused, Source, reject
from macaw_cli.modalities.table import Modality

_HASHING_THREADS = 4
_AHEAD = 64
"""Files that are being hashed or wait, hashed, to be asked for."""
_NO_STAMP = "unknown"
"""Of a remote file whose server tells nothing that changes with it: hashed anew in every run."""
_RUNTIME_ONLY = ("stamp", "staged")


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
        staged: of a remote file, its copy here (see `remote.fetching`); empty when there is none.
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
    staged: str = ""

    def row(self) -> dict[str, Any]:
        """The form in which the journal keeps it."""
        file = without_secrets(self.file) if is_url(self.file) else self.file
        return {name: value for name, value in {**asdict(self), "file": file}.items()
                if name not in _RUNTIME_ONLY and not (name == "offset" and value is None)}  # fmt: skip


def identify(
    sources: Iterator[Source | Refused],
    cache: HashCache,
    base: Path,
    staging: Staging | None = None,
    stopping: Callable[[], bool] = never,
) -> Generator[Item | Refused]:
    """Hash all sources, some ahead of the one that is asked for.

    Args:
        sources: media; what is refused already is passed on.
        cache: knows files that have not changed since an earlier run.
        base: places in the cache are relative to it, so that a workspace can be moved.
        staging: fetches those sources that are URLs.
        stopping: asked at every source, and while waiting for one: whether to give up.

    Yields:
        In the order of `sources`, each with its one name, or refused when its file cannot be read.

    Raises:
        CancelledError: it was to give up. (Not to end as if there were no more sources.)
    """
    waiting: deque[Callable[[], Item | Refused]] = deque()
    with ThreadPoolExecutor(_HASHING_THREADS, thread_name_prefix="hashing") as threads:
        hashing = _Hashing(cache, base, threads, staging, stopping)
        try:
            for source in sources:
                require_going_on(stopping)
                waiting.append(hashing.begin(source))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft()()
                if len(hashing.fresh) >= _AHEAD:
                    cache.put(hashing.fresh)
                    hashing.fresh.clear()
            while waiting:
                yield waiting.popleft()()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            cache.put(hashing.fresh)


def unchanged(
    item: Item, base: Path, cache: HashCache, staging: Staging | None = None, stopping: Callable[[], bool] = never
) -> bool:
    """Whether the file of an item from the journal is still there with the same content; if so, sets its stamp.

    Raises:
        CancelledError: `stopping` says that it is not to begin any more.
    """
    require_going_on(stopping)
    source = Source(file_of(item, base), item.names[0], item.modality, offset=item.offset,
                    size=None if item.offset is None else item.bytes)  # fmt: skip
    place, fresh = _place(source, base), list[tuple[str, str, str]]()
    try:
        if is_url(source.file):
            assert staging is not None
            looked = result_of(staging.look(source, partial(cache.get, place)), stopping)
            found, stamp, item.staged = looked.sha256, looked.stamp or _NO_STAMP, looked.staged
            fresh.append((place, looked.stamp, looked.cached))
        else:
            stamp = stamp_of(source.file)
            found = cache.get(place, stamp) or _sha256(source)
            fresh.append((place, stamp, found))
    except (OSError, InputError):
        return False
    cache.put(fresh)
    item.stamp = stamp if found == item.sha256 else ""
    return bool(item.stamp)


def file_of(item: Item, base: Path) -> str:
    """Where an item of a job is now: a path, or a URL."""
    return item.file if is_url(item.file) else os.path.normpath(base / item.file)


class _Hashing:
    """The sources that are being hashed."""

    def __init__(
        self,
        cache: HashCache,
        base: Path,
        threads: ThreadPoolExecutor,
        staging: Staging | None,
        stopping: Callable[[], bool],
    ) -> None:
        self._cache, self._base, self._threads, self._staging = cache, base, threads, staging
        self._stopping = stopping
        self._begun: dict[tuple[str, str], Future[str]] = {}
        self.fresh: set[tuple[str, str, str]] = set()
        """What the cache does not know yet."""

    def begin(self, source: Source | Refused) -> Callable[[], Item | Refused]:
        """Start with a source; what comes back waits for its end."""
        if isinstance(source, Refused):
            return lambda: source
        place = _place(source, self._base)
        if is_url(source.file):
            assert self._staging is not None
            looking = self._staging.look(source, partial(self._cache.get, place))
            return partial(self._end_remote, source, place, looking)
        try:
            stamp = stamp_of(source.file)
        except OSError as error:
            return partial(_unreadable, source, error)
        if known := self._cache.get(place, stamp):
            return partial(_item, source, known, stamp)
        return partial(self._end, source, place, stamp, self._hash(source, place, stamp))

    def _hash(self, source: Source, place: str, stamp: str) -> Future[str]:
        """Of the last files each is hashed once, however many clips of it the sources name one after another."""
        begun = self._begun.get((place, stamp))
        if begun is None:
            if len(self._begun) >= _AHEAD:
                del self._begun[next(iter(self._begun))]
            begun = self._begun[place, stamp] = self._threads.submit(_sha256, source)
        return begun

    def _end(self, source: Source, place: str, stamp: str, future: Future[str]) -> Item | Refused:
        try:
            sha256 = result_of(future, self._stopping)
        except OSError as error:
            return _unreadable(source, error)
        self.fresh.add((place, stamp, sha256))
        return _item(source, sha256, stamp)

    def _end_remote(self, source: Source, place: str, future: Future[Looked]) -> Item | Refused:
        try:
            looked = result_of(future, self._stopping)
        except InputError as error:
            return Refused(reject(source.name, source.modality, error.problem))
        self.fresh.add((place, looked.stamp, looked.cached))
        source = replace(source, size=looked.size, modality=looked.modality)
        item = _item(source, looked.sha256, looked.stamp or _NO_STAMP)
        item.staged = looked.staged
        return item


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
    place = without_secrets(source.file) if is_url(source.file) else os.path.relpath(source.file, base)
    return place if source.offset is None else f"{place}#{source.offset}+{source.size}"


def _sha256(source: Source) -> str:
    if source.offset is None or source.size is None:
        return sha256_file(Path(source.file))
    return sha256_range(Path(source.file), source.offset, source.size)
