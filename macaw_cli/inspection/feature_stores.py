"""What is in a feature store: per modality the counts, shapes, bytes and encoder; rejects by reason."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macaw_cli.basics.counts import counted
from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.inspection.description import Description, shape_text, shapes_text, span
from macaw_cli.inspection.feature_counts import ModalityCounts, StoreCounts, count_manifest
from macaw_cli.inspection.reject_reasons import RejectGroup, reject_groups
from macaw_cli.modalities.table import Modality
from macaw_cli.reports.tables import Table
from macaw_cli.shards.damage_note import damaged_shards
from macaw_cli.shards.feature_store import read_fingerprints
from macaw_cli.shards.remote_store import shown_place

ENCODER_COLUMNS = ("model", "architecture", "layer", "cls", "projection", "precision", "frames", "audio_padding")
"""What a person asks first about an encoder; `--json` has everything."""


@dataclass(frozen=True, slots=True)
class StoreSummary:
    """Everything that is known of a store without opening a shard."""

    counts: StoreCounts
    fingerprints: dict[Modality, dict[str, Any]]
    rejects: list[RejectGroup]

    @property
    def rejected(self) -> int:
        """Inputs that were rejected."""
        return sum(group.files for group in self.rejects)


def summarise(folder: Path) -> StoreSummary:
    """Read the manifest and the rejects once each.

    Raises:
        MismatchError: a newer macaw wrote the store.
        DamagedError: its manifest is not JSON lines.
    """
    fingerprints = read_fingerprints(folder)
    return StoreSummary(count_manifest(folder), fingerprints, reject_groups(folder))


def describe_feature_store(folder: Path) -> Description:
    """Count what the manifest lists; no shard is opened.

    Raises:
        MismatchError: a newer macaw wrote it.
        DamagedError: its manifest is not JSON lines.
    """
    summary, damaged = summarise(folder), damaged_shards(folder)
    counts = summary.counts
    facts = {
        "modalities": {
            name: _modality(seen, summary.fingerprints.get(name, {})) for name, seen in counts.modalities.items()
        },
        "shards": counts.shards,
        "bytes": counts.bytes,
        "rejected": summary.rejected,
        "rejects": [group.as_json() for group in summary.rejects],
        "known_damaged": damaged,
    }
    lines = {
        "shards": f"{counts.shards}, {human_bytes(counts.bytes)}",
        "rejects": f"{summary.rejected}" + (" (by reason below)" if summary.rejects else ""),
    }
    if damaged:
        found = counted(len(damaged), "shard")
        lines["damaged"] = f"{found}, as --verify found; `macaw extract-features` extracts their media again"
    return Description("feature store", shown_place(folder), facts, lines, feature_tables(summary),
                       next_step="macaw build-dataset")  # fmt: skip


def feature_tables(summary: StoreSummary) -> list[Table]:
    """Features, encoders and rejects, for people."""
    seen = summary.counts.modalities
    rows = [
        [name, f"{one.files:,}", f"{one.media:,}", human_bytes(one.bytes),
         shapes_text(one.shapes), span(one.seconds, "s")]
        for name, one in seen.items()
    ]  # fmt: skip
    encoders = [
        [name, *(str(summary.fingerprints.get(name, {}).get(key, "")) for key in ENCODER_COLUMNS),
         fingerprint(summary.fingerprints.get(name, {}))]
        for name in seen
    ]  # fmt: skip
    warnings = [[name, told, f"{count:,}"] for name, one in seen.items() for told, count in one.warnings.items()]
    rejects = [[group.reason, f"{group.files:,}", group.paths[0]] for group in summary.rejects]
    return [
        Table("Features", ["", "files", "different media", "bytes", "shape", "length"], rows),
        Table("Encoders", ["", *ENCODER_COLUMNS, "fingerprint"], encoders),
        Table("Warnings", ["", "warning", "files"], warnings),
        Table("Rejects", ["reason", "files", "such as"], rejects),
    ]


def _modality(seen: ModalityCounts, encoder: dict[str, Any]) -> dict[str, Any]:
    return {
        "files": seen.files,
        "media": seen.media,
        "bytes": seen.bytes,
        "shapes": {shape_text(shape): count for shape, count in seen.shapes.items()},
        "seconds": seen.seconds,
        "total_seconds": round(seen.total_seconds, 3),
        "shards": seen.shards,
        "warnings": seen.warnings,
        "null_entry": seen.null_entry,
        "fingerprint": fingerprint(encoder),
        "encoder": encoder,
    }
