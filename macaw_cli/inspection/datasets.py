"""What is in a dataset: conversations per kind and split, media, sources, the hash that names it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.fingerprints import fingerprint, sha256_file
from macaw_cli.inspection.description import Description, shape_text, shapes_text
from macaw_cli.inspection.findings import Finding
from macaw_cli.modalities.table import MODALITIES
from macaw_cli.reports.tables import Table
from macaw_cli.shards.dataset_lock import files_of, read_lock
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.shards.training_rows import SPLITS, ConversationRow

LOCK_FACTS = ("sources", "filters", "filter_settings", "leaks", "counts", "mix", "seed")
SOURCE_COLUMNS = ("file", "format", "train", "val", "rejected")
NO_KIND = "(no kind)"


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
    shards = dataset.info["shards"]
    facts: dict[str, Any] = {
        "hash": dataset.hash,
        "conversations": {split: len(rows[split]) for split in SPLITS},
        "kinds": {split: dict(sorted(kinds[split].items())) for split in SPLITS},
        "media": {name: {**seen, "shapes": _named_shapes(seen["shapes"])} for name, seen in media.items()},
        "fingerprints": {name: fingerprint(content) for name, content in dataset.fingerprints.items()},
        "shards": len(shards),
        "bytes": sum(shard["bytes"] for shard in shards),
        "lock": {name: dataset.info[name] for name in LOCK_FACTS if name in dataset.info},
    }
    lines = {
        "conversations": ", ".join(f"{len(rows[split])} {split}" for split in SPLITS),
        "shards": f"{len(shards)}, {human_bytes(facts['bytes'])}",
        "hash": dataset.hash,
    }
    return Description("dataset", str(folder), facts, lines, _tables(facts, media), next_step="macaw train")


def verify_dataset(folder: Path) -> Iterator[Finding]:
    """Reread the index and every shard; yields what each one is like."""
    for file in files_of(read_lock(folder)):
        path = folder / file["name"]
        if not path.is_file():
            yield Finding(file["name"], "it is missing")
        elif path.stat().st_size != file["bytes"]:
            yield Finding(file["name"], f"it has {path.stat().st_size} bytes instead of {file['bytes']}")
        else:
            whole = sha256_file(path) == file["sha256"]
            yield Finding(file["name"], "" if whole else "its content has changed")


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


def _tables(facts: dict[str, Any], seen_media: dict[str, dict[str, Any]]) -> list[Table]:
    names = sorted({name for split in SPLITS for name in facts["kinds"][split]})
    kinds = [[name, *(str(facts["kinds"][split].get(name, 0)) for split in SPLITS)] for name in names]
    encoders = facts["fingerprints"]
    media = [
        [name, str(seen["media"]), str(seen["soundtracks"]), shapes_text(seen["shapes"]), encoders.get(name, "")]
        for name, seen in seen_media.items()
    ]
    sources = [[str(source.get(key, "")) for key in SOURCE_COLUMNS] for source in facts["lock"].get("sources", [])]
    filters = [[name, str(removed)] for name, removed in facts["lock"].get("filters", {}).items()]
    leaks = [
        [name, str(one["compared"]), str(one["near"])]
        for name, one in facts["lock"].get("leaks", {}).get("found", {}).items()
    ]
    return [
        Table("Conversations", ["kind", *SPLITS], kinds),
        Table("Media", ["", "different media", "soundtracks", "shape", "encoder fingerprint"], media),
        Table("Sources", [*SOURCE_COLUMNS], sources),
        Table("Filters", ["what every conversation had to pass", "removed"], filters),
        Table("Training media nearly the same as held-out ones", ["", "compared", "nearly the same"], leaks),
    ]
