"""What is in a dataset: conversations per kind and split, media, sources, the hash that names it."""

from collections import Counter
from pathlib import Path
from typing import Any

from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.inspection.dataset_rejects import rejected_rows
from macaw_cli.inspection.dataset_tables import count_tables, lock_lines, lock_tables
from macaw_cli.inspection.description import Description, shape_text
from macaw_cli.modalities.table import MODALITIES
from macaw_cli.reports.text_figures import NO_KIND
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.shards.training_rows import SPLITS, ConversationRow

LOCK_FACTS = (
    "macaw", "inputs", "seed", "val_fraction", "shard_megabytes", "generator", "sources", "feature_stores",
    "media_folders", "filters", "filter_settings", "leaks", "counts", "mix", "mix_settings", "texts",
)  # fmt: skip


def describe_dataset(folder: Path) -> Description:
    """Count what the index lists.

    Raises:
        InputError: the dataset was never finished.
        MismatchError: a newer macaw wrote it.
        DamagedError: a file is missing or cut.
    """
    dataset = TrainingDataset(folder)
    rows = {split: dataset.conversations(split) for split in SPLITS}
    kinds = {split: Counter(row.kind or NO_KIND for row in rows[split]) for split in SPLITS}
    media = _media([row for split in SPLITS for row in rows[split]])
    shards, rejects = dataset.info["shards"], rejected_rows(folder)
    facts: dict[str, Any] = {
        "hash": dataset.hash,
        "conversations": {split: len(rows[split]) for split in SPLITS},
        "kinds": {split: dict(sorted(kinds[split].items())) for split in SPLITS},
        "media": {name: {**seen, "shapes": _named_shapes(seen["shapes"])} for name, seen in media.items()},
        "fingerprints": {name: fingerprint(content) for name, content in dataset.fingerprints.items()},
        "shards": len(shards),
        "bytes": sum(shard["bytes"] for shard in shards),
        "rejected": sum(group.files for group in rejects),
        "rejects": [group.as_json() for group in rejects],
        "lock": {name: dataset.info[name] for name in LOCK_FACTS if name in dataset.info},
    }
    lines = {
        "conversations": ", ".join(f"{len(rows[split]):,} {split}" for split in SPLITS),
        "shards": f"{len(shards)}, {human_bytes(facts['bytes'])}",
        "rejects": f"{facts['rejected']:,}" + (" (by reason below)" if rejects else ""),
        "hash": dataset.hash,
        **lock_lines(dataset.info),
    }
    tables = [*count_tables(facts, media), *lock_tables(dataset.info, rejects)]
    return Description("dataset", str(folder), facts, lines, tables, next_step="macaw train")


def _media(rows: list[ConversationRow]) -> dict[str, dict[str, Any]]:
    refs = [ref for row in rows for ref in row.media]
    found: dict[str, dict[str, Any]] = {}
    for modality in MODALITIES:
        mine = {ref.key: ref for ref in refs if ref.modality == modality}
        if mine:
            shapes = Counter(ref.shape for ref in mine.values())
            soundtracks = len({ref.key for ref in refs if ref.modality == modality and ref.soundtrack_of is not None})
            found[modality] = {"media": len(mine), "soundtracks": soundtracks, "shapes": dict(shapes)}
    return found


def _named_shapes(shapes: dict[tuple[int, ...], int]) -> dict[str, int]:
    return {shape_text(shape): count for shape, count in sorted(shapes.items())}
