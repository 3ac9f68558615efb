"""The media in a tar, such as img2dataset writes: found by reading headers, one after another.

`tarfile` takes a tar that was cut between two members, or whose next header is garbage, for a shorter one. So where it
stops, the mark of two empty blocks is looked for that ends every whole tar.
"""

import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from macaw_cli.features.source import Ignored, Refused, Source, reject
from macaw_cli.media.kinds import HEAD_BYTES, modality_of_bytes, modality_of_name
from macaw_cli.modalities.table import Modality


@dataclass(frozen=True, slots=True)
class TarMember:
    """A medium in a tar: its content is `size` bytes from `offset` on."""

    name: str
    modality: Modality
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Unusable:
    """A member that cannot be used, or (no name) the tar from some place on."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Other:
    """A member that is no medium: captions, metadata, folders, links."""

    extension: str


def members_of(tar: BinaryIO, size: int) -> Iterator[TarMember | Unusable | Other]:
    """The members in their order; memory does not grow with them, but for 8 bytes per name.

    Args:
        tar: opened for reading, at any position; it must be able to seek.
        size: of the whole tar in bytes; `tar` may hold only its beginning.
    """
    read, names = 0, set[int]()
    reason, position = "", 0
    try:
        with tarfile.open(fileobj=tar, mode="r:") as reader:
            while (member := reader.next()) is not None:
                vars(reader)["members"] = []  # it keeps all of them otherwise
                if member.size < 0:  # `tarfile` would go backwards, and read the same header for ever
                    reason = f"the size of {member.name} is negative"
                    break
                if member.offset_data + member.size > size:
                    reason = f"it ends in the middle of {member.name}"
                    break
                yield _judge(member, tar, names)
                read += 1
            position = reader.offset
    except RecursionError:  # it calls itself for each header that only tells a long name
        reason = "one member has hundreds of headers"
    except (tarfile.TarError, EOFError, ValueError, LookupError, OverflowError, MemoryError, OSError) as error:
        reason = str(error) or "a header is damaged"
    if reason := reason or _bad_end(tar, position):
        yield Unusable("", f"The tar is damaged: {reason}. The {read} members before that are used.")


def members_at_the_beginning(head: bytes, size: int) -> list[TarMember | Unusable | Other]:
    """Those members of a tar of `size` bytes whose headers stand in its first bytes `head`."""
    found = list(members_of(io.BytesIO(head), size))
    if len(head) < size and found and isinstance(found[-1], Unusable) and not found[-1].name:
        found.pop()  # that `head` ends is no damage
    return found


def source_in_tar(tar: str, name: str, member: TarMember | Unusable | Other) -> Source | Refused | Ignored:
    """A member of the tar `tar`, which the store calls `name`, as a source."""
    if isinstance(member, TarMember):
        return Source(tar, f"{name}/{member.name}", member.modality, offset=member.offset, size=member.size)
    if isinstance(member, Unusable):
        return Refused(reject(f"{name}/{member.name}" if member.name else name, None, member.reason), tar)
    return Ignored(member.extension)


def _judge(member: tarfile.TarInfo, tar: BinaryIO, names: set[int]) -> TarMember | Unusable | Other:
    name = os.path.normpath(member.name)
    other = Other(PurePosixPath(name).suffix.lower())
    if modality_of_name(name) is None or not member.isreg():
        return other
    if name.startswith(("/", "../")) or ".." in member.name.split("/"):
        return Unusable(member.name, "Its name points outside the tar.")
    if member.issparse():
        return Unusable(member.name, "It is a sparse member. Create the tar without --sparse.")
    if hash(name) in names:
        # the offset makes the row's own name different from that of the member that is used
        return Unusable(f"{name}#offset={member.offset_data}", "An earlier member of the tar has the same name.")
    names.add(hash(name))
    tar.seek(member.offset_data)
    modality = modality_of_bytes(tar.read(min(HEAD_BYTES, member.size)), name)
    return TarMember(name, modality, member.offset_data, member.size) if modality else other


def _bad_end(tar: BinaryIO, position: int) -> str:
    tar.seek(position)
    block = tar.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE:
        return f"it ends at byte {position + len(block)} without an end mark"
    return f"there is no header at byte {position}" if any(block) else ""
