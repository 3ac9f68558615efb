"""Writing one shard with its part of the index, from what waits on disk: in this process or in another one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.atomic_files import atomic_path, jsonl_line
from macaw_cli.dataset.layout import PlannedShard
from macaw_cli.dataset.reading import SPOOL
from macaw_cli.dataset.samples import (
    json_begin,
    media_json,
    member_names,
    sample_json,
    sample_key,
    text_key,
)
from macaw_cli.dataset.scratch.columns import read_rows
from macaw_cli.dataset.scratch.media_table import MediaReader, Medium
from macaw_cli.dataset.scratch.records import RecordReader
from macaw_cli.dataset.scratch.spooled import Spooled, read_spooled
from macaw_cli.shards.stored_arrays import StoredArrays
from macaw_cli.shards.tar_writer import Member, ShardWriter, WrittenShard
from macaw_cli.shards.training_rows import ConversationRow, MediaRef, row_to_json


@dataclass(frozen=True, slots=True)
class _Sample:
    """One sample before its features are read."""

    key: str
    conversations: Sequence[Spooled]
    names: Mapping[int, str]
    """Number of each medium to its member."""


class ShardWork:
    """Writes the shards of one build.

    Args:
        scratch: where the conversations wait.
        folder: the building folder.
        arrays: the features of each store.
    """

    def __init__(self, scratch: Path, folder: Path, arrays: Sequence[StoredArrays]) -> None:
        self._scratch, self._folder, self._arrays = scratch, folder, arrays
        self._media = MediaReader(scratch)
        self._records = RecordReader(scratch / SPOOL)

    def write(self, shard: PlannedShard) -> dict[str, Any]:
        """Write a shard and its part of the index.

        Returns:
            Its entry for `dataset.json`.

        Raises:
            DamagedError: a feature shard is missing or cut.
        """
        conversations = 0
        part = index_part(self._folder, shard.name)
        with (
            atomic_path(part) as temporary,
            temporary.open("wb") as index,
            ShardWriter(self._folder / shard.name) as tar,
        ):
            for sample in self._samples(shard):
                conversations += len(sample.conversations)
                index.writelines(self._add(sample, shard, tar))
            written = tar.finish()
        return entry_of(written, samples=shard.samples, conversations=conversations)

    def close(self) -> None:
        """Close all files."""
        self._media.close()
        self._records.close()

    def _samples(self, shard: PlannedShard) -> Iterator[_Sample]:
        starts = read_rows(self._scratch, "sample", np.uint32, shard.first, shard.first + shard.samples + 1).tolist()
        texts = read_rows(self._scratch, "text", np.uint32, shard.first, shard.first + shard.samples).tolist()
        offsets, lengths = (
            read_rows(self._scratch, name, dtype, starts[0], starts[-1])
            for name, dtype in (("ordered-offset", np.uint64), ("ordered-length", np.uint32))
        )
        for number, text in enumerate(texts):
            rows = range(starts[number] - starts[0], starts[number + 1] - starts[0])
            conversations = [read_spooled(self._records.read((int(offsets[row]), int(lengths[row])))) for row in rows]
            names = member_names(conversations[0], self._media)
            key = text_key(shard.split, text - 1) if text else sample_key(names, self._media)
            yield _Sample(key, conversations, names)

    def _add(self, sample: _Sample, shard: PlannedShard, tar: ShardWriter) -> Iterator[bytes]:
        """Add a sample to the tar; its rows of the index."""
        conversations = sample.conversations
        text, spans = sample_json(json_begin(conversations[0], sample.names, self._media), self._stored(sample))
        media = {name: self._media.medium(number) for number, name in sample.names.items()}
        arrays = {name: self._arrays[medium.store].npy(medium.row) for name, medium in media.items()}
        members = tar.add({"__key__": sample.key, **arrays, "json": text})
        refs = {
            number: _media_ref(media[name], members[f"{sample.key}.{name}"], shard.name)
            for number, name in sample.names.items()
        }
        offset = members[f"{sample.key}.json"].offset
        for given, (start, length) in zip(conversations, spans, strict=True):
            used = tuple(refs[use.medium](use.soundtrack_of, use.source) for use in given.uses)
            row = ConversationRow(
                id=given.id, split=shard.split, kind=given.kind, choices=given.choices, media=used, tags=given.tags,
                sample=sample.key, shard=shard.name, offset=offset + start, nbytes=length,
            )  # fmt: skip
            yield jsonl_line(row_to_json(row)).encode()

    def _stored(self, sample: _Sample) -> Iterator[bytes]:
        """The JSON of each conversation."""
        lists: dict[tuple[int, ...], bytes] = {}  # of media: nearly always the same
        for given in sample.conversations:
            media = tuple(use.medium for use in given.uses)
            if media not in lists:
                lists[media] = media_json(given, sample.names, self._media)
            yield b"".join((given.before_media, lists[media], given.behind_media))


def index_part(folder: Path, shard: str) -> Path:
    """Where the index rows of one shard wait until all are written."""
    return folder / f"{shard}.index.jsonl"


def entry_of(written: WrittenShard, *, samples: int, conversations: int) -> dict[str, Any]:
    """The entry of a shard in `dataset.json`."""
    return {
        "name": written.path.name, "bytes": written.nbytes, "sha256": written.sha256, "samples": samples,
        "conversations": conversations,
    }  # fmt: skip


def array_place(medium: Medium, member: Member) -> dict[str, Any]:
    """Where the numbers are: at the end of the npy member, behind its header."""
    dtype = np.dtype(medium.row.dtype)
    nbytes = int(np.prod(medium.row.shape)) * dtype.itemsize
    start = member.offset + member.nbytes - nbytes
    return {"shape": list(medium.row.shape), "dtype": dtype.name, "offset": start, "nbytes": nbytes}


def _media_ref(medium: Medium, member: Member, shard: str) -> Callable[[int | None, str], MediaRef]:
    """Of a medium in a sample; what remains to be told is whose soundtrack it is, and how a conversation calls it."""
    place, (modality, key) = array_place(medium, member), medium.identity
    return partial(
        MediaRef, modality, key, tuple(place["shape"]), place["dtype"], shard, place["offset"], place["nbytes"],
        seconds=_seconds(medium),
    )  # fmt: skip


def _seconds(medium: Medium) -> float | None:
    """As exactly as the store knows it: stores of older versions know durations in milliseconds."""
    meta = medium.row.meta
    known = (meta.get(name) for name in ("seconds", "heard", "duration"))
    return None if medium.row.modality == "image" else next((float(one) for one in known if one is not None), None)
