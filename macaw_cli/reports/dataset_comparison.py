"""Two datasets side by side: what they were made from, what was counted, and which conversations and media differ."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from macaw_cli.basics.fingerprints import fingerprint_difference
from macaw_cli.modalities.table import MODALITIES
from macaw_cli.shards.dataset_lock import read_lock, require_whole
from macaw_cli.shards.stored_conversations import stored_conversations
from macaw_cli.shards.training_rows import SPLITS, ConversationRow

SETTINGS = ("seed", "val_fraction", "shard_megabytes", "media_folders", "macaw")
FIRST = 5
"""Conversations and media that are named."""
_DIGEST_BYTES = 8

Pair = tuple[Any, Any]
"""The value of each dataset; None where one has none."""


class Parts(NamedTuple):
    """A conversation as short hashes, to tell what of it differs."""

    messages: bytes
    media: bytes
    split: str
    others: bytes


@dataclass(slots=True)
class Changes:
    """What only one of the datasets has, or what both have differently.

    Attributes:
        added: how many only the second has.
        removed: how many only the first has.
        changed: how many both have, but not the same.
        parts: of those, in how many each part differs.
        first: some of each, by name.
    """

    added: int = 0
    removed: int = 0
    changed: int = 0
    parts: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[str]] = field(default_factory=lambda: {"added": [], "removed": [], "changed": []})

    def note(self, how: str, name: str) -> None:
        """Count one."""
        setattr(self, how, getattr(self, how) + 1)
        if len(self.first[how]) < FIRST:
            self.first[how].append(name)

    def as_json(self) -> dict[str, Any]:
        """As `--json` has it."""
        return {"added": self.added, "removed": self.removed, "changed": self.changed, "parts": dict(self.parts),
                "first": self.first}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DatasetComparison:
    """Two datasets, and all in which they differ; what is equal is left out.

    Attributes:
        folders: of both.
        hashes: of both.
        inputs: of sources, feature stores, encoders, filters, generator and settings: dotted name to both values.
        counts: conversations by side and by kind, and what filters removed.
        conversations: by id.
        media: by modality and content.
    """

    folders: tuple[Path, Path]
    hashes: tuple[str, str]
    inputs: dict[str, Pair]
    counts: dict[str, Pair]
    conversations: Changes
    media: Changes

    def as_json(self) -> dict[str, Any]:
        """The object of `macaw inspect DATASET1 DATASET2 --json`."""
        return {
            "kind": "datasets",
            "datasets": [
                {"path": str(folder), "hash": found} for folder, found in zip(self.folders, self.hashes, strict=True)
            ],
            "same": self.hashes[0] == self.hashes[1],
            "inputs": {name: list(pair) for name, pair in self.inputs.items()},
            "counts": {name: list(pair) for name, pair in self.counts.items()},
            "conversations": self.conversations.as_json(),
            "media": self.media.as_json(),
        }  # fmt: skip


def compare_datasets(first: Path, second: Path) -> DatasetComparison:
    """Read both datasets once; the memory grows with the ids of the first.

    Raises:
        InputError: one was never finished.
        MismatchError: a newer macaw wrote one.
        DamagedError: a file is missing, cut, or not what macaw writes.
    """
    infos = read_lock(first), read_lock(second)
    for folder, info in zip((first, second), infos, strict=True):
        require_whole(folder, info)
    inputs, counts = (fingerprint_difference(told(infos[0]), told(infos[1]), names_count=True)
                      for told in (_inputs, _counts))  # fmt: skip
    conversations, media = Changes(), Changes()
    if infos[0]["hash"] != infos[1]["hash"]:
        conversations, media = _changes(first, second)
    hashes = infos[0]["hash"], infos[1]["hash"]
    return DatasetComparison((first, second), hashes, inputs, counts, conversations, media)


def _inputs(info: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: info[name] for name in SETTINGS if name in info},
        "mix": info.get("mix_settings") or {},
        "source": dict(_named((source.get("file", "?"), _source(source)) for source in info.get("sources") or [])),
        "features": dict(_named((store.get("folder", "?"), {key: value for key, value in store.items()
                                                           if key != "folder"})
                                for store in info.get("feature_stores") or [])),
        "filter": dict(_named((str(one.get("name", "?")), {key: value for key, value in one.items() if key != "name"}
                               or "on") for one in info.get("filter_settings") or [])),
        "generator": {key: value for key, value in (info.get("generator") or {}).items() if key != "kinds"},
        "encoder": info["fingerprints"],
    }  # fmt: skip


def _source(source: Mapping[str, Any]) -> dict[str, Any]:
    counted = {*SPLITS, "rejected", "file", "texts"}
    return {key: value for key, value in source.items() if key not in counted and value not in (None, False)}


def _counts(info: Mapping[str, Any]) -> dict[str, Any]:
    counts = info.get("counts") or {}
    kinds = {kind: None for split in SPLITS for kind in (counts.get(split) or {}).get("kinds") or {}}
    return {
        **{split: (counts.get(split) or {}).get("conversations", 0) for split in SPLITS},
        "kind": {
            kind: sum(((counts.get(split) or {}).get("kinds") or {}).get(kind, 0) for split in SPLITS) for kind in kinds
        },
        "removed": info.get("filters") or {},
        "generated": {
            kind: {name: one.get(name, 0) for name in ("requests", "accepted")}
            for kind, one in ((info.get("generator") or {}).get("kinds") or {}).items()
        },
    }


def _named(entries: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """The same entries, each with a name of its own."""
    seen: Counter[str] = Counter()
    for name, value in entries:
        seen[name] += 1
        yield (name if seen[name] == 1 else f"{name} ({seen[name]})"), value


def _changes(first: Path, second: Path) -> tuple[Changes, Changes]:
    conversations, media = Changes(), Changes()
    left: dict[str, Parts] = {}
    seen: tuple[dict[tuple[str, str], str], dict[tuple[str, str], str]] = ({}, {})
    for name, parts in _conversations(first, seen[0]):
        left[name] = parts
    for name, parts in _conversations(second, seen[1]):
        before = left.pop(name, None)
        if before is None:
            conversations.note("added", name)
        elif before != parts:
            conversations.note("changed", name)
            conversations.parts.update(
                part for part in Parts._fields if getattr(before, part) != getattr(parts, part)
            )
    for name in left:
        conversations.note("removed", name)
    for how, ours, others in (("added", seen[1], seen[0]), ("removed", seen[0], seen[1])):
        for medium, source in ours.items():
            if medium not in others:
                media.note(how, source or medium[1])
    return conversations, media


def _conversations(folder: Path, media: dict[tuple[str, str], str]) -> Iterator[tuple[str, Parts]]:
    """The name of each conversation, which is its id and for repeated ones a number, and its parts."""
    repeated: Counter[str] = Counter()
    for row, conversation in stored_conversations(folder):
        media |= {(ref.modality, ref.key): ref.source for ref in row.media}
        repeated[row.id] += 1
        name = row.id if repeated[row.id] == 1 else f"{row.id} ({repeated[row.id]})"
        yield name, _parts(row, conversation)


def _parts(row: ConversationRow, conversation: Mapping[str, Any]) -> Parts:
    others = {key: value for key, value in conversation.items() if key not in ("id", "messages", *MODALITIES)}
    media = [[ref.modality, ref.key, ref.soundtrack_of] for ref in row.media]
    return Parts(_digest(conversation["messages"]), _digest(media), row.split, _digest(others))


def _digest(content: Any) -> bytes:
    text = json.dumps(content, sort_keys=True).encode()
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).digest()
