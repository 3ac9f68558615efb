"""The lock of a dataset as lines and tables for people."""

from collections.abc import Mapping
from typing import Any

from macaw_cli.basics.counts import counted
from macaw_cli.basics.shown_text import cut
from macaw_cli.inspection.description import shapes_text
from macaw_cli.inspection.reject_reasons import RejectGroup
from macaw_cli.reports.dataset_card import options_text
from macaw_cli.reports.tables import Table
from macaw_cli.reports.text_figures import COLUMNS, read_counts, text_table
from macaw_cli.shards.training_rows import SPLITS

HASH_DIGITS = 12
REASONS_SHOWN = 10
LONGEST_CELL = 100


def lock_lines(info: Mapping[str, Any]) -> dict[str, str]:
    """What made the dataset, a line each."""
    lines = {}
    if "macaw" in info:
        lines["made by"] = f"macaw {info['macaw']}"
    settings = [f"seed {info['seed']}"] if "seed" in info else []
    if "val_fraction" in info:
        settings.append(f"{info['val_fraction']:.0%} held out where a source does not say")
    if settings:
        lines["settings"] = ", ".join(settings)
    if generator := info.get("generator"):
        lines["generator"] = generator_line(generator)
        given = generator.get("parameters") or {}
        lines["  parameters"] = ", ".join(f"{name} {value}" for name, value in given.items()) or "the API's own"
    return lines


def generator_line(generator: Mapping[str, Any]) -> str:
    """Model, prompts, cost."""
    kinds = (generator.get("kinds") or {}).values()
    requests, accepted = (sum(one.get(name, 0) for one in kinds) for name in ("requests", "accepted"))
    return (
        f"{generator.get('model', 'a language model')} at {generator.get('endpoint', '?')}:"
        f" {counted(requests, 'request')}, {counted(accepted, 'accepted example')}, ${generator.get('cost', 0.0):.4f},"
        f" prompts {generator.get('prompts', '?')}"
    )


def lock_tables(info: Mapping[str, Any], rejects: list[RejectGroup]) -> list[Table]:
    """Generator, sources, filters, rejects, near-duplicates, lengths of texts; empty ones have no rows."""
    return [
        generated_table((info.get("generator") or {}).get("kinds") or {}),
        _sources(info),
        _filters(info),
        reject_table(rejects),
        _leaks(info.get("leaks") or {}),
        text_table((info.get("texts") or {}).get("media") or {}, "Words by media"),
    ]


def count_tables(facts: Mapping[str, Any], seen_media: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    """Conversations by kind with the words in them, as far as the lock has them, and media."""
    names = sorted({name for split in SPLITS for name in facts["kinds"][split]})
    texts = (facts["lock"].get("texts") or {}).get("kinds") or {}
    kinds = [
        [name, *(f"{facts['kinds'][split].get(name, 0):,}" for split in SPLITS),
         *(read_counts(texts[name]).means() if name in texts else ("", "") if texts else ())]
        for name in names
    ]  # fmt: skip
    encoders = facts["fingerprints"]
    media = [
        [name, f"{seen['media']:,}", f"{seen['soundtracks']:,}", shapes_text(seen["shapes"]), encoders.get(name, "")]
        for name, seen in seen_media.items()
    ]
    return [
        Table("Conversations", ["kind", *SPLITS, *(COLUMNS[2:] if texts else [])], kinds),
        Table("Media", ["", "different media", "soundtracks", "shape", "encoder fingerprint"], media),
    ]


def generated_table(kinds: Mapping[str, Mapping[str, Any]]) -> Table:
    """One row for each kind of generated examples."""
    rows = [
        [name, *(f"{one.get(key, 0):,}" for key in ("requests", "accepted")),
         f"{sum((one.get('rejected') or {}).values()):,}",
         *(f"{one.get(key, 0):,}" for key in ("prompt_tokens", "completion_tokens")), f"${one.get('cost', 0.0):.4f}"]
        for name, one in kinds.items()
    ]  # fmt: skip
    return Table("Generated examples", ["kind", "requests", "accepted", "rejected", "tokens in", "tokens out", "cost"],
                 rows)  # fmt: skip


def _sources(info: Mapping[str, Any]) -> Table:
    mix: list[float] = info.get("mix") or []
    rows = [
        [source.get("file", ""), source.get("format", ""), options_text(source),
         *(f"{source.get(name, 0):,}" for name in (*SPLITS, "rejected")),
         f"{mix[number]:.1%}" if number < len(mix) else "",
         *(read_counts(source["texts"]).means() if "texts" in source else ("", "")),
         source.get("sha256", "")[:HASH_DIGITS]]
        for number, source in enumerate(info.get("sources") or [])
    ]  # fmt: skip
    columns = ["file", "format", "options", *SPLITS, "rejected", "share of train", *COLUMNS[2:], "SHA-256"]
    return Table("Sources", columns, rows)


def _filters(info: Mapping[str, Any]) -> Table:
    settings = {str(one.get("name")): one for one in info.get("filter_settings") or []}
    rows = [
        [name, ", ".join(f"{key} {value}" for key, value in settings.get(name, {}).items() if key != "name"),
         f"{removed:,}"]
        for name, removed in (info.get("filters") or {}).items()
    ]  # fmt: skip
    return Table("Filters", ["what every conversation had to pass", "settings", "removed"], rows)


def reject_table(rejects: list[RejectGroup], most: int = REASONS_SHOWN) -> Table:
    """Rejected rows by reason, the most frequent first."""
    rows = [[cut(group.reason, LONGEST_CELL), f"{group.files:,}", cut(group.paths[0], LONGEST_CELL)]
            for group in rejects[:most]]  # fmt: skip
    left = rejects[most:]
    if left:
        rows.append([f"{counted(len(left), 'other reason')}", f"{sum(group.files for group in left):,}", ""])
    return Table("Rejected rows", ["reason", "rows", "such as"], rows)


def _leaks(leaks: Mapping[str, Any]) -> Table:
    rows = [[name, f"{one['compared']:,}", f"{one['near']:,}"] for name, one in (leaks.get("found") or {}).items()]
    return Table("Training media nearly the same as held-out ones", ["", "compared", "nearly the same"], rows)
