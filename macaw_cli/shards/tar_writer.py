"""Write one shard: a plain tar in the WebDataset layout that is either whole and indexed, or absent.

Samples are written byte for byte as webdataset's own `TarWriter` does, which would import torch. Equal samples give
equal bytes: no times, no user names, fixed order. On `finish` the file is fsynced, read back member by member and only
then renamed to its final name.
"""

import io
import json
import os
import re
import tarfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from macaw_cli.basics.atomic_files import fsync_folder
from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.working_files import (
    open_own,
    remove_file,
    remove_leftovers,
    require_replaceable,
    take_place,
    working_name,
)
from macaw_cli.shards.hashing_file import HashingFile
from macaw_cli.shards.tar_header import tar_header

_KEY = re.compile(r"[A-Za-z0-9_-]+")
_EXTENSION = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")

PARTIAL_SUFFIX = ".partial"
"""Behind the name of a shard: an unfinished one, which the next run continues."""
PARTIAL_STATE_SUFFIX = ".partial.json"
"""In place of `.tar`: what there is of it."""

Sample = dict[str, Any]
"""`{"__key__": key, extension: value, ...}`: a value is an array (`npy`), something JSON holds (`json`) or bytes."""


@dataclass(frozen=True, slots=True)
class Member:
    """Where the content of one member stands in its shard, in bytes from the start of the file."""

    offset: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class WrittenShard:
    """A finished shard: its size, its SHA-256 in hex and its members by name (`<key>.<extension>`), in order."""

    path: Path
    nbytes: int
    sha256: str
    members: dict[str, Member]


class ShardWriter:
    """Writes samples to `path` one after another; used as a context manager, closed by `finish()`.

    Leaving the block without `finish()` or `suspend()` removes the unfinished file.

    Args:
        path: of the finished shard.
        suffix: what the name of the unfinished file has behind that of the shard; without one it is unique.
        resume_at: continue an unfinished file after so many bytes, as `position` told them; what follows is cut off.

    Raises:
        InputError: the shard or the unfinished file is a link, or no file.
        OSError: there is no unfinished file.
        DamagedError: it is shorter than `resume_at`, or does not end there with a whole sample.
    """

    def __init__(self, path: Path, *, suffix: str = "", resume_at: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        require_replaceable(path)
        remove_leftovers(path.parent, path.name)
        self._path = path
        self._temporary = path.with_name(path.name + suffix if suffix else working_name(path.name))
        self._expected: dict[str, Member] = {}
        self._keys: set[str] = set()
        if resume_at:
            self._expected = _members_before(self._temporary, resume_at)
            self._keys = {name.partition(".")[0] for name in self._expected}
        self._file = HashingFile(open_own(self._temporary, "r+b" if resume_at else "wb"), resume_at)

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._file.closed:  # not finished: nothing may look like a shard
            with suppress(OSError):  # the disk may be full; the first error is on its way already
                self._file.close()
            remove_file(self._temporary)

    @property
    def nbytes(self) -> int:
        """Bytes of content written so far, without the tar's own headers."""
        return sum(member.nbytes for member in self._expected.values())

    @property
    def keys(self) -> frozenset[str]:
        """Keys of the samples so far."""
        return frozenset(self._keys)

    @property
    def position(self) -> int:
        """Bytes of the unfinished file so far; always at the end of a sample."""
        return self._file.nbytes

    def sync(self) -> None:
        """Make sure that everything up to `position` is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def suspend(self) -> None:
        """Close the unfinished file and leave it for `resume_at`."""
        self._file.close()

    def add(self, sample: Sample) -> dict[str, Member]:
        """Append one sample.

        Returns:
            Its members by name.

        Raises:
            ValueError: a key with a dot (webdataset would merge samples) or one that was written before.
        """
        key = sample["__key__"]
        contents = {name: _encode(name, value) for name, value in sample.items() if name != "__key__"}
        if not _KEY.fullmatch(key) or key in self._keys:
            raise ValueError(f"{key!r} cannot be a key of {self._path.name}: repeated, or not plain letters and digits")
        if wrong := [name for name in contents if not _EXTENSION.fullmatch(name)]:
            raise ValueError(f"{wrong[0]!r} cannot be an extension in a shard")
        added = {f"{key}.{name}": self._append(f"{key}.{name}", contents[name]) for name in sorted(contents)}
        self._keys.add(key)
        self._expected |= added
        return added

    def finish(self) -> WrittenShard:
        """Close, verify and rename.

        Raises:
            DamagedError: what was read back is not what was written.
        """
        end = self._file.nbytes + 2 * tarfile.BLOCKSIZE
        self._file.write(bytes(2 * tarfile.BLOCKSIZE + -end % tarfile.RECORDSIZE))
        self.sync()
        self._file.close()
        members = index_members(self._temporary)
        if members != self._expected:
            remove_file(self._temporary)
            raise DamagedError(f"{self._path} did not read back as it was written.", "Check the disk, then try again.")
        take_place(self._temporary, self._path)
        fsync_folder(self._path.parent)
        return WrittenShard(self._path, self._file.nbytes, self._file.sha256(), members)

    def _append(self, name: str, content: bytes) -> Member:
        """One member with the marks that webdataset's own writer gives it."""
        self._file.write(tar_header(name, len(content)))
        member = Member(self._file.nbytes, len(content))
        self._file.write(content)
        self._file.write(bytes(-len(content) % tarfile.BLOCKSIZE))
        return member


def write_shard(path: Path, samples: Iterable[Sample]) -> WrittenShard:
    """Write all `samples` (taken one at a time) to `path`, whole or not at all.

    Raises:
        ValueError: an impossible or repeated key.
        DamagedError: what was read back is not what was written.
    """
    with ShardWriter(path) as shard:
        for sample in samples:
            shard.add(sample)
        return shard.finish()


def index_members(path: Path) -> dict[str, Member]:
    """Offsets and sizes of all members of a tar, from its headers alone.

    Raises:
        tarfile.TarError: not a tar, or one that ends in the middle of a member.
    """
    with tarfile.open(path, "r:") as tar:
        return {member.name: Member(member.offset_data, member.size) for member in tar}


def _members_before(path: Path, end: int) -> dict[str, Member]:
    """The members in the first `end` bytes of an unfinished tar.

    Raises:
        DamagedError: they do not end with a whole member.
    """
    members: dict[str, Member] = {}
    position = 0
    with path.open("rb") as file:
        while position < end:
            file.seek(position)
            try:
                member = tarfile.TarInfo.frombuf(file.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
            except tarfile.HeaderError:
                break
            members[member.name] = Member(position + tarfile.BLOCKSIZE, member.size)
            position += tarfile.BLOCKSIZE * (1 - -member.size // tarfile.BLOCKSIZE)
    if position != end or path.stat().st_size < end:
        raise DamagedError(f"{path} does not hold the {end} bytes of whole samples that it should.")
    return members


def npy_bytes(array: np.ndarray) -> bytes:
    """An array as the bytes of an `.npy` file; refuses object arrays."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def _encode(extension: str, value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, np.ndarray):
        return npy_bytes(value)
    if extension.rpartition(".")[2] == "json":
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    raise ValueError(f"a {type(value).__name__} cannot be written as .{extension}")
