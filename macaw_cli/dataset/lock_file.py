"""The content of `dataset.json`: what went in, what was left out, what came out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from macaw_cli.basics.fingerprints import sha256_file
from macaw_cli.config.settings import Settings
from macaw_cli.dataset.preparing import Prepared
from macaw_cli.dataset.rejects import removed_by_filter
from macaw_cli.modalities.table import MODALITIES
from macaw_cli.shards.dataset_lock import FORMAT_VERSION, INDEX_NAME, dataset_hash
from macaw_cli.shards.training_rows import SPLITS, Split


def lock_content(
    prepared: Prepared, described: dict[str, Any], shards: list[dict[str, Any]], nulls: dict[str, Any], index: Path,
    settings: Settings,
) -> dict[str, Any]:
    """Everything a reader, or a person who wants to repeat the build, has to know.

    Args:
        prepared: what was written.
        described: `inputs`, `sources`, `feature_stores` and `benchmarks` as they were hashed, and `generator` where
            there is one.
        shards: one entry per shard: name, bytes, sha256, counts.
        nulls: modality to the place of its null features.
        index: the finished index.
        settings: the workspace's.
    """  # fmt: skip
    index_entry = {"name": INDEX_NAME, "bytes": index.stat().st_size, "sha256": sha256_file(index)}
    counts = source_counts(prepared)
    sources = [{**source, **counted} for source, counted in zip(described["sources"], counts, strict=True)]
    return {
        "format_version": FORMAT_VERSION,
        "hash": dataset_hash([index_entry, *shards]),
        "inputs": described["inputs"],
        "seed": settings.seed,
        "val_fraction": settings.dataset.val_fraction,
        "shard_megabytes": settings.dataset.shard_megabytes,
        **({"generator": described["generator"]} if "generator" in described else {}),
        "sources": sources,
        "feature_stores": described["feature_stores"],
        "filters": removed_by_filter(prepared.rejects, prepared.filters),
        "filter_settings": [asdict(one) for one in settings.dataset.filters],
        "leaks": {
            "check": settings.dataset.leak_check, "similarity": settings.dataset.leak_similarity,
            "benchmarks": described["benchmarks"], "found": prepared.leaks.counts if prepared.leaks else {},
        },
        "mix": _mix(sources),
        "counts": {split: _counts(prepared, split) for split in SPLITS},
        "fingerprints": prepared.stores.fingerprints,
        "null": nulls,
        "index": index_entry,
        "shards": shards,
    }


def source_counts(prepared: Prepared) -> list[dict[str, int]]:
    """Conversations of each source: on each side, and rejected."""
    origins = (item.conversation.origin.source for item in prepared.conversations)
    sides = Counter(zip(origins, prepared.sides, strict=True))
    rejected = Counter(reject.origin.source for reject in prepared.rejects)
    return [
        {"train": sides[number, "train"], "val": sides[number, "val"], "rejected": rejected[number]}
        for number in range(len(prepared.sources))
    ]


def kind_counts(prepared: Prepared) -> dict[str, dict[Split, int]]:
    """Conversations of each kind on each side, in order of appearance; without a kind under an empty name."""
    counts: dict[str, dict[Split, int]] = {}
    for item, side in zip(prepared.conversations, prepared.sides, strict=True):
        counts.setdefault(item.conversation.kind or "", {"train": 0, "val": 0})[side] += 1
    return counts


def _counts(prepared: Prepared, split: Split) -> dict[str, Any]:
    items = [item for item, side in zip(prepared.conversations, prepared.sides, strict=True) if side == split]
    media = {use.medium.identity for item in items for use in item.media}
    return {
        "conversations": len(items),
        "samples": sum(len(shard.samples) for shard in prepared.shards if shard.split == split),
        "media": {modality: sum(one == modality for one, _ in media) for modality in MODALITIES},
        "kinds": {kind: counts[split] for kind, counts in kind_counts(prepared).items() if kind and counts[split]},
    }


def _mix(sources: Sequence[dict[str, Any]]) -> list[float]:
    """Each source's share of the training conversations."""
    total = sum(source["train"] for source in sources) or 1
    return [round(source["train"] / total, 6) for source in sources]
