"""Writing the shards into the building folder, each whole with its part of the index, never one twice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.atomic_files import append_jsonl, write_jsonl
from macaw_cli.basics.typed_files import iterate_objects
from macaw_cli.basics.typed_rows import COUNT, HASH, SHARD_NAME, Fields
from macaw_cli.dataset.feature_join import FeatureStores, JoinedConversation, Medium
from macaw_cli.dataset.layout import PlannedShard
from macaw_cli.dataset.samples import PlannedSample, sample_json
from macaw_cli.modalities.table import MODALITIES
from macaw_cli.shards.tar_writer import Member, Sample, WrittenShard, write_shard
from macaw_cli.shards.training_rows import ConversationRow, MediaRef, row_to_json

JOURNAL_NAME = "journal.jsonl"
SHARD_ENTRY = Fields({"name": SHARD_NAME, "bytes": COUNT, "sha256": HASH, "samples": COUNT, "conversations": COUNT})
NULL_SHARD = "null-000000.tar"


def write_shards(
    shards: Sequence[PlannedShard], stores: FeatureStores, folder: Path, advance: Callable[[int, str], None]
) -> list[dict[str, Any]]:
    """Write all `shards` that an earlier, interrupted call has not written yet.

    Args:
        shards: the layout; must be the same in every call on one folder.
        stores: where the features are.
        folder: the building folder.
        advance: progress, counted in samples.

    Returns:
        One entry per shard for `dataset.json`: name, bytes, sha256 and counts.

    Raises:
        DamagedError: a feature shard is missing or cut.
    """
    journal = folder / JOURNAL_NAME
    done = {entry["name"]: entry for entry in iterate_objects(journal, SHARD_ENTRY) if _is_there(folder, entry)}
    for shard in shards:
        if shard.name not in done:
            done[shard.name] = _write(shard, stores, folder)
            append_jsonl(journal, [done[shard.name]])
        advance(len(shard.samples), shard.name)
    return [done[shard.name] for shard in shards]


def _is_there(folder: Path, entry: dict[str, Any]) -> bool:
    """Whether the journal's shard is; without its files it is written again."""
    shard = folder / entry["name"]
    return shard.is_file() and shard.stat().st_size == entry["bytes"] and index_part(folder, shard.name).is_file()


def index_part(folder: Path, shard: str) -> Path:
    """Where the index rows of one shard wait until all are written."""
    return folder / f"{shard}.index.jsonl"


def write_null_entries(stores: FeatureStores, folder: Path) -> tuple[dict[str, Any] | None, dict[str, dict[str, Any]]]:
    """Copy the encoders' features of an all-zero input, one per modality.

    Returns:
        The shard's entry for `dataset.json` (None without any), and the place of each modality's array.
    """
    nulls = {
        modality: Medium(number, row)
        for modality in MODALITIES
        for number, store in reversed(list(enumerate(stores.stores)))
        if (row := store.null_row(modality))
    }
    if not nulls:
        return None, {}
    samples = ({"__key__": f"null-{name}", f"{name}.npy": _features(medium, stores)} for name, medium in nulls.items())
    written = write_shard(folder / NULL_SHARD, samples)
    places: dict[str, dict[str, Any]] = {
        modality: {"shard": NULL_SHARD, **_array_place(medium, written.members[f"null-{modality}.{modality}.npy"])}
        for modality, medium in nulls.items()
    }
    return _entry(written, samples=len(nulls), conversations=0), places


def _write(shard: PlannedShard, stores: FeatureStores, folder: Path) -> dict[str, Any]:
    written = write_shard(folder / shard.name, (_content(sample, stores) for sample in shard.samples))
    rows = [row_to_json(row) for sample in shard.samples for row in _rows(sample, shard, written.members)]
    write_jsonl(index_part(folder, shard.name), rows)
    return _entry(written, samples=len(shard.samples), conversations=len(rows))


def _entry(written: WrittenShard, *, samples: int, conversations: int) -> dict[str, Any]:
    return {
        "name": written.path.name, "bytes": written.nbytes, "sha256": written.sha256, "samples": samples,
        "conversations": conversations,
    }  # fmt: skip


def _content(sample: PlannedSample, stores: FeatureStores) -> Sample:
    arrays = {name: _features(medium, stores) for name, medium in sample.media.items()}
    return {"__key__": sample.key, **arrays, "json": sample_json(sample)[0]}


def _features(medium: Medium, stores: FeatureStores) -> np.ndarray:
    return stores.stores[medium.store].read(medium.row)


def _rows(sample: PlannedSample, shard: PlannedShard, members: Mapping[str, Member]) -> Iterator[ConversationRow]:
    places = {medium.identity: members[f"{sample.key}.{name}"] for name, medium in sample.media.items()}
    text = members[f"{sample.key}.json"]
    for joined, (start, length) in zip(sample.conversations, sample_json(sample)[1], strict=True):
        given = joined.conversation
        yield ConversationRow(
            id=given.id, split=shard.split, kind=given.kind, choices=given.choices,
            media=tuple(_media_refs(joined, shard.name, places)), tags=_tags(given.extra), sample=sample.key,
            shard=shard.name, offset=text.offset + start, nbytes=length,
        )  # fmt: skip


def _media_refs(joined: JoinedConversation, shard: str, places: Mapping[Any, Member]) -> Iterator[MediaRef]:
    for use in joined.media:
        modality, key = use.medium.identity
        place = _array_place(use.medium, places[modality, key])
        yield MediaRef(modality, key, tuple(place["shape"]), place["dtype"], shard, place["offset"], place["nbytes"],
                       use.soundtrack_of, use.source, seconds=_seconds(use.medium))  # fmt: skip


def _array_place(medium: Medium, member: Member) -> dict[str, Any]:
    """Where the numbers are: at the end of the npy member, behind its header."""
    dtype = np.dtype(medium.row.dtype)
    nbytes = int(np.prod(medium.row.shape)) * dtype.itemsize
    start = member.offset + member.nbytes - nbytes
    return {"shape": list(medium.row.shape), "dtype": dtype.name, "offset": start, "nbytes": nbytes}


def _seconds(medium: Medium) -> float | None:
    """As exactly as the store knows it: stores of older versions know durations in milliseconds."""
    meta = medium.row.meta
    known = (meta.get(name) for name in ("seconds", "heard", "duration"))
    return None if medium.row.modality == "image" else next((float(one) for one in known if one is not None), None)


def _tags(extra: Mapping[str, Any]) -> tuple[str, ...]:
    tags = extra.get("tags")
    return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()
