"""Is a feature store whole: every shard against its hash, every manifest row against its shard."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics import console
from macaw_cli.basics.atomic_files import has_torn_line
from macaw_cli.basics.errors import DamagedError
from macaw_cli.inspection.findings import Finding
from macaw_cli.shards.damage_note import note_damage
from macaw_cli.shards.feature_store import MANIFEST_NAME, NULL_KEY, FeatureStore, ShardRow
from macaw_cli.shards.positioned_reads import PositionedReads
from macaw_cli.shards.store_rows import manifest_rows
from macaw_cli.shards.tar_reader import HEADER_BYTES, member_name
from macaw_cli.shards.tar_writer import PARTIAL_STATE_SUFFIX, PARTIAL_SUFFIX

EXAMPLES = 3
_MIB = 1 << 20


def verify_feature_store(folder: Path) -> Iterator[Finding]:
    """Reread every shard, then look where every manifest row points; the memory stays flat.

    What is damaged is noted for the next `macaw extract-features`, which makes just that again.

    Raises:
        InputError: it is no feature store.
        DamagedError: the manifest is not JSON lines.
    """
    store = FeatureStore(folder, check_sizes=False)
    reasons = _reread(store)
    findings = _with_media(folder, store.shards, reasons)
    _note(folder, {finding.file: finding.problem for finding in findings})
    damaged = {finding.file for finding in findings}
    yield from findings
    yield from (Finding(shard.path.name) for shard in store.shards if shard.path.name not in damaged)
    yield from _harmless(folder, {shard.path.name for shard in store.shards})


def _reread(store: FeatureStore) -> dict[str, str]:
    """Reason by name for each shard that is not what was written."""
    reasons = {}
    total = sum(shard.nbytes for shard in store.shards)
    with console.progress("Verifying", max(1, total // _MIB), "MiB") as advance:
        read = told = 0
        for shard, damage in store.verify():
            if damage:
                reasons[shard.path.name] = damage.problem.replace(str(shard.path), "it").rstrip(".")
            read += shard.nbytes
            advance(read // _MIB - told, shard.path.name)
            told = read // _MIB
    return reasons


def _with_media(folder: Path, shards: list[ShardRow], reasons: dict[str, str]) -> list[Finding]:
    """The damaged shards with the media in them, and the shards into which a manifest row points wrongly."""
    whole = {shard.path.name: shard.nbytes for shard in shards if shard.path.name not in reasons}
    reads = PositionedReads(folder)
    reasons, media = dict(reasons), dict.fromkeys(reasons, 0)
    examples: dict[str, list[str]] = {name: [] for name in reasons}
    for _, row in manifest_rows(folder / MANIFEST_NAME):
        name = row["shard"]
        if "key" not in row:
            continue
        problem = _misplaced(row, whole[name], reads) if name in whole else ""
        if problem:
            reasons.setdefault(name, problem)
        elif name not in reasons or name in whole or row["key"] == NULL_KEY:
            continue
        media[name] = media.get(name, 0) + 1
        if len(examples.setdefault(name, [])) < EXAMPLES:
            examples[name].append(row["path"])
    return [Finding(name, reasons[name], media=media[name], examples=tuple(examples[name])) for name in reasons]


def _misplaced(row: dict[str, Any], shard_bytes: int, reads: PositionedReads) -> str:
    """What is wrong with the place that a row names in a shard that is whole."""
    if row["offset"] < HEADER_BYTES or row["offset"] + row["bytes"] > shard_bytes:
        return f"a manifest row points to bytes {row['offset']} to {row['offset'] + row['bytes']} of its {shard_bytes}"
    try:
        found = member_name(reads.bytes(row["shard"], row["offset"] - HEADER_BYTES, HEADER_BYTES))
    except DamagedError:  # gone since it was reread
        return "it was removed meanwhile"
    wanted = f"{row['key']}.npy"
    return "" if found == (wanted, row["bytes"]) else f"a manifest row points to byte {row['offset']} for {wanted}, " \
                                                      "which is not there"  # fmt: skip


def _harmless(folder: Path, known: set[str]) -> Iterator[Finding]:
    for path in sorted(folder.glob("*.tar")):
        if path.name not in known:
            reason = "no manifest row names it: it is left over from unfinished work and is not used"
            yield Finding(path.name, reason, harmless=True)
    for path in sorted(folder.glob(f"*.tar{PARTIAL_SUFFIX}")):
        state = path.name.replace(f".tar{PARTIAL_SUFFIX}", PARTIAL_STATE_SUFFIX)
        reason = f"an unfinished shard (with {state}), which is not used yet; the next extraction continues it"
        yield Finding(path.name, reason, harmless=True)
    if has_torn_line(folder / MANIFEST_NAME):
        reason = "its last line is incomplete after a crash; it is ignored, and the next extraction removes it"
        yield Finding(MANIFEST_NAME, reason, harmless=True)


def _note(folder: Path, reasons: dict[str, str]) -> None:
    try:
        note_damage(folder, reasons)
    except OSError as error:
        console.say(
            f"The list of damaged shards cannot be written to {folder} ({error.strerror}); a repair needs that list."
        )
