"""`macaw inspect DATASET1 DATASET2`: in what the two differ, and why."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from macaw_cli.basics import console
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.shown_text import cut
from macaw_cli.reports.dataset_comparison import Changes, compare_datasets

NOT_THERE = "-"
LONGEST_CELL = 60
HASH_DIGITS = 12
_HASH = re.compile("[0-9a-f]{16,64}")
TWO = 2


def show_dataset_comparison(folders: Sequence[Path], *, as_json: bool) -> None:
    """Print what differs: inputs and settings, counts, conversations, media.

    Args:
        folders: two different datasets.
        as_json: print one JSON object instead of tables.

    Raises:
        UsageError: more than two datasets.
        InputError: one was never finished.
        MismatchError: a newer macaw wrote one.
        DamagedError: a file is missing, cut, or not what macaw writes.
    """
    if len(folders) != TWO:
        raise UsageError(f"{len(folders)} datasets were named, but two are compared at a time.", "Name two of them.")
    comparison = compare_datasets(*folders)
    if as_json:
        console.result_json(comparison.as_json())
        return
    names = _names(*folders)
    if comparison.hashes[0] == comparison.hashes[1]:
        console.result(f"{names[0]} and {names[1]} hold the same conversations and features: {comparison.hashes[0]}")
    if comparison.inputs:
        rows = [[_spaced(name), *map(_cell, pair)] for name, pair in comparison.inputs.items()]
        console.print_table("What they were made from", ["", *names], rows)
    else:
        console.result("They were made from the same sources and features with the same settings.")
    if comparison.counts:
        rows = [[_spaced(name), *map(_cell, pair), _difference(*pair)] for name, pair in comparison.counts.items()]
        console.print_table("Counts", ["", *names, "difference"], rows)
    if comparison.hashes[0] != comparison.hashes[1]:
        _show_changes("conversation", comparison.conversations, names)
        _show_changes("medium", comparison.media, names, "media")


def _show_changes(what: str, changes: Changes, names: tuple[str, str], plural: str = "") -> None:
    told = False
    places = {"added": f"only in {names[1]}", "removed": f"only in {names[0]}", "changed": "in both differ"}
    for how, where in places.items():
        number = getattr(changes, how)
        if number:
            told = True
            first = ", ".join(cut(name, LONGEST_CELL) for name in changes.first[how])
            more = ", ..." if number > len(changes.first[how]) else ""
            console.result(f"{counted(number, what, plural)} {where}{_in(changes.parts) if how == 'changed' else ''}:"
                           f" {first}{more}")  # fmt: skip
    if not told:
        console.result(f"The {plural or what + 's'} are the same.")


def _in(parts: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{name}: {count:,}' for name, count in parts.items())})"


def _names(first: Path, second: Path) -> tuple[str, str]:
    return (first.name, second.name) if first.name and first.name != second.name else (str(first), str(second))


def _spaced(name: str) -> str:
    """`source a.jsonl.sha256`: the group is told apart from names that may hold dots themselves."""
    return name.replace(".", " ", 1)


def _cell(value: Any) -> str:
    if value is None:
        return NOT_THERE
    if isinstance(value, dict):
        return cut(", ".join(f"{name} {one}" for name, one in value.items()), LONGEST_CELL)
    if isinstance(value, str) and _HASH.fullmatch(value):
        return value[:HASH_DIGITS]
    return f"{value:,}" if isinstance(value, int) else cut(str(value), LONGEST_CELL)


def _difference(before: Any, after: Any) -> str:
    both = [0 if value is None else value for value in (before, after)]
    return f"{both[1] - both[0]:+,}" if all(isinstance(value, int) for value in both) else ""
