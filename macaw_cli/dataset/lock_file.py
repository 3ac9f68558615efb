"""The content of `dataset.json`: what went in, what was left out, what came out."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from macaw_cli import __version__
from macaw_cli.basics.fingerprints import sha256_file
from macaw_cli.config.settings import Settings
from macaw_cli.dataset.filters.described import describe_filters
from macaw_cli.dataset.inputs import mix_settings
from macaw_cli.dataset.preparing import Prepared
from macaw_cli.shards.dataset_lock import FORMAT_VERSION, dataset_hash
from macaw_cli.shards.training_rows import SPLITS, Split


def lock_content(
    prepared: Prepared, described: dict[str, Any], shards: list[dict[str, Any]], nulls: dict[str, Any], index: Path,
    settings: Settings, texts: Path | None = None,
) -> dict[str, Any]:
    """Everything a reader, or a person who wants to repeat the build, has to know.

    Args:
        prepared: what was written.
        described: `inputs`, `sources`, `feature_stores` and `benchmarks` as they were hashed, and `generator` and
            `media_folders` (a hash of what is in them) where there are any.
        shards: one entry per shard: name, bytes, sha256, counts.
        nulls: modality to the place of its null features.
        index: the finished index.
        settings: the workspace's.
        texts: the finished texts of experts; None where there are none.
    """  # fmt: skip
    index_entry, *described_entry = [
        {"name": file.name, "bytes": file.stat().st_size, "sha256": sha256_file(file)}
        for file in (index, *([texts] if texts else []))
    ]
    counts = source_counts(prepared)
    sources = [{**source, **counted} for source, counted in zip(described["sources"], counts, strict=True)]
    return {
        "format_version": FORMAT_VERSION,
        "macaw": __version__,
        "hash": dataset_hash([index_entry, *shards, *described_entry]),
        "inputs": described["inputs"],
        "seed": settings.seed,
        "val_fraction": settings.dataset.val_fraction,
        "shard_megabytes": settings.dataset.shard_megabytes,
        **{name: described[name] for name in ("generator", "media_folders") if described.get(name)},
        "sources": sources,
        "feature_stores": described["feature_stores"],
        "filters": prepared.rejects.counts(prepared.filters),
        "filter_settings": describe_filters(settings.dataset.filters, settings.generation.model),
        "leaks": {
            "check": settings.dataset.leak_check, "similarity": settings.dataset.leak_similarity,
            "benchmarks": described["benchmarks"], "found": prepared.leaks.counts if prepared.leaks else {},
        },
        **mix_settings(settings),
        "mix": _mix(sources),
        "counts": {split: _counts(prepared, split) for split in SPLITS},
        "texts": {
            "media": {name: asdict(one) for name, one in prepared.decided.texts.media.items()},
            "kinds": {name: asdict(one) for name, one in prepared.decided.texts.kinds.items()},
        },
        "fingerprints": prepared.stores.fingerprints,
        "null": nulls,
        "index": index_entry,
        "shards": shards,
        **({"experts": list(prepared.described), "expert_texts": described_entry[0]} if described_entry else {}),
    }


def source_counts(prepared: Prepared) -> list[dict[str, Any]]:
    """Conversations of each source: on each side, and rejected; and the words in those that are used."""
    rejected = prepared.rejects.by_source
    return [
        {**dict(zip(SPLITS, map(int, sides), strict=True)), "rejected": rejected[number],
         "texts": asdict(prepared.decided.texts.sources[number])}
        for number, sides in enumerate(prepared.decided.by_source)
    ]


def _counts(prepared: Prepared, split: Split) -> dict[str, Any]:
    return {
        "conversations": prepared.decided.conversations[split],
        "samples": prepared.planned.samples[split],
        "media": prepared.planned.media[split],
        "kinds": {
            kind: counts[split] for kind, counts in prepared.decided.by_kind.items() if kind and counts[split]
        },
    }


def _mix(sources: Sequence[dict[str, Any]]) -> list[float]:
    """Each source's share of the training conversations."""
    total = sum(source["train"] for source in sources) or 1
    return [round(source["train"] / total, 6) for source in sources]
