"""What is in a feature store: per modality the counts, shapes, bytes and encoder; rejects by reason."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import read_jsonl
from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.config.settings import MODALITIES, Modality
from macaw_cli.inspection.description import Description, Table, shape_text, span
from macaw_cli.shards.feature_store import FeatureRow, FeatureStore

REJECTS_NAME = "rejects.jsonl"
ENCODER_COLUMNS = ("model", "architecture", "layer", "cls", "projection", "precision", "frames")
"""What a person asks first about an encoder; `--json` has everything."""


def describe_feature_store(folder: Path) -> Description:
    """Count what the manifest lists; no shard is opened.

    Raises:
        MismatchError: a newer macaw wrote it.
        DamagedError: its manifest is not JSON lines.
    """
    store = FeatureStore(folder, check_sizes=False)
    rows = list(store.rows())
    present = [name for name in MODALITIES if any(row.modality == name for row in rows)]
    modalities: dict[str, dict[str, Any]] = {
        name: _modality(name, [row for row in rows if row.modality == name], store) for name in present
    }
    rejects = _rejects(folder)
    shard_bytes = sum(shard.nbytes for shard in store.shards)
    facts = {"modalities": modalities, "shards": len(store.shards), "bytes": shard_bytes, "rejects": rejects}
    lines = {
        "shards": f"{len(store.shards)}, {human_bytes(shard_bytes)}",
        "rejects": f"{sum(rejects.values())}" + (" (by reason below)" if rejects else ""),
    }
    return Description("feature store", str(folder), facts, lines, _tables(modalities, rejects),
                       next_step="macaw build-dataset")  # fmt: skip


def verify_feature_store(folder: Path) -> Iterator[tuple[str, str]]:
    """Reread every shard; yields its name and what is wrong with it (empty: nothing)."""
    for shard, damage in FeatureStore(folder, check_sizes=False).verify():
        yield shard.path.name, damage.problem if damage else ""


def _modality(name: Modality, rows: list[FeatureRow], store: FeatureStore) -> dict[str, Any]:
    shapes = Counter(row.shape for row in rows)
    media = {row.key: row for row in rows}
    seconds = [float(row.meta["duration"]) for row in rows if row.meta.get("duration") is not None]
    encoder = store.fingerprints.get(name, {})
    return {
        "files": len(rows),
        "media": len(media),
        "bytes": sum(row.nbytes for row in media.values()),
        "shapes": {shape_text(shape): count for shape, count in shapes.most_common()},
        "seconds": [min(seconds), max(seconds)] if seconds else [],
        "null_entry": store.null_row(name) is not None,
        "fingerprint": fingerprint(encoder),
        "encoder": encoder,
    }


def _rejects(folder: Path) -> dict[str, int]:
    reasons = Counter(str(row.get("reason", "no reason given")) for row in read_jsonl(folder / REJECTS_NAME))
    return dict(reasons.most_common())


def _tables(modalities: dict[str, dict[str, Any]], rejects: dict[str, int]) -> list[Table]:
    rows = [
        [name, str(seen["files"]), str(seen["media"]), human_bytes(seen["bytes"]), ", ".join(seen["shapes"]),
         span(seen["seconds"], "s")]
        for name, seen in modalities.items()
    ]  # fmt: skip
    encoders = [
        [name, *(str(seen["encoder"].get(key, "")) for key in ENCODER_COLUMNS), seen["fingerprint"]]
        for name, seen in modalities.items()
    ]
    return [
        Table("Features", ["", "files", "different media", "bytes", "shape", "length"], rows),
        Table("Encoders", ["", *ENCODER_COLUMNS, "fingerprint"], encoders),
        Table("Rejects", ["reason", "files"], [[reason, str(count)] for reason, count in rejects.items()]),
    ]
