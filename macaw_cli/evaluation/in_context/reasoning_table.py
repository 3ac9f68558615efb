"""Answers by chain of thought, as a table and a line for the terminal."""

from collections.abc import Mapping
from typing import Any

from macaw_cli.evaluation.asking.generating import CONDITIONS

REASONING_COLUMNS = ["", "condition", "n", "accuracy", "direct", "failed"]


def reasoning_rows(figures: Mapping[str, Any]) -> list[list[str]]:
    """One row per kind and condition, as a table for the terminal; none where nothing was reasoned."""
    entry = figures.get("reasoning")
    if not entry:
        return []
    groups = [*entry["kinds"].items(), ("all", entry)]
    return [
        [name, condition, str(seen["n"]), f"{seen['accuracy']:.2f}",
         "-" if seen["direct"] is None else f"{seen['direct']:.2f}", str(seen["failed"])]
        for name, group in groups for condition in CONDITIONS if (seen := group.get(condition))
    ]  # fmt: skip


def reasoning_lines(figures: Mapping[str, Any]) -> list[str]:
    """How many reasoned answers could not be read; nothing where all could, or nothing was reasoned."""
    entry = figures.get("reasoning") or {}
    seen = [entry[condition] for condition in CONDITIONS if condition in entry]
    count, failed = sum(one["n"] for one in seen), sum(one["failed"] for one in seen)
    if not failed:
        return []
    told = f"{failed:,} of {count:,} reasoned answers could not be read, and count as wrong."
    if failed == count:
        told += (
            " The accuracy says nothing about the reasoning then: look at the texts in answers.jsonl. Train on answers"
            " of that form, raise evaluation.reasoning_tokens, or set evaluation.answer_prompt and answer_pattern."
        )
    return [told]
