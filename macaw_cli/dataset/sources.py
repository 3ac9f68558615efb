"""`FORMAT:PATH[#N]`: which conversations to take, and taking them."""

import difflib
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.shown_text import cut, shown
from macaw_cli.config.loading import Workspace
from macaw_cli.dataset.conversations import Conversation, Origin, checked_conversation
from macaw_cli.dataset.formats.json_rows import Row, json_rows
from macaw_cli.dataset.formats.registry import FORMATS
from macaw_cli.dataset.rejects import Reject

SPEC = re.compile(r"(?P<format>[a-z0-9_]+):(?P<path>.+?)(?:#(?P<count>[0-9]+)(?P<fill>\+?))?", re.DOTALL)
MAX_COUNT = 100_000_000
"""Conversations that `#N` may ask for: more than any dataset has, and a list of them still fits the memory."""


@dataclass(frozen=True, slots=True)
class Source:
    """One parsed `FORMAT:PATH[#N]`."""

    number: int
    """Its place among the sources, from 0."""
    format: str
    name: str
    """The path as given."""
    path: Path
    count: int | None = None
    """How many conversations to take at random; None is all. Where there are fewer, all are taken."""
    fill: bool = False
    """`#N+`: where there are fewer than N, repeat them until there are N (the paper's mix of three times 50,000)."""


def parse_sources(specs: Sequence[str], workspace: Workspace, limit: int | None = None) -> list[Source]:
    """Read every `FORMAT:PATH[#N]`.

    Args:
        specs: as given in the settings or by `--source`.
        workspace: relative paths are relative to its folder.
        limit: take at most so many of each source.

    Raises:
        UsageError: none is given, or one is not of that form or names an unknown format.
    """
    if not specs:
        raise UsageError(
            "No source of conversations was given.",
            f"Give --source FORMAT:PATH or dataset.sources in macaw.yaml; formats: {', '.join(FORMATS)}.",
        )
    return [_parse(spec, number, workspace, limit) for number, spec in enumerate(specs)]


def _parse(spec: str, number: int, workspace: Workspace, limit: int | None) -> Source:
    match = SPEC.fullmatch(spec)
    if not match:
        raise UsageError(
            f"A source has the form FORMAT:PATH or FORMAT:PATH#N, found {shown(spec)}.",
            f"For example jsonl:{cut(spec) or 'conversations.jsonl'}; formats: {', '.join(FORMATS)}.",
        )
    if match["format"] not in FORMATS:
        close = difflib.get_close_matches(match["format"], FORMATS, n=1)
        meant = f" Did you mean {close[0]}:{cut(match['path'])}?" if close else ""
        problem = f"{shown(spec)} has the unknown format {shown(match['format'])}.{meant}"
        raise UsageError(problem, f"Formats: {', '.join(FORMATS)}.")
    count = _count(match, spec, workspace)
    if count == 0:
        problem = f"{shown(spec)} selects no conversations."
        raise UsageError(problem, "Remove the source, or give a larger number.")
    fill = bool(match["fill"])
    if limit is not None:
        count, fill = min(count or limit, limit), fill and (count or 0) <= limit
    return Source(number, match["format"], match["path"], workspace.path(match["path"]), count, fill)


def _count(match: re.Match[str], spec: str, workspace: Workspace) -> int | None:
    digits = match["count"]
    if digits is None:
        path, hash_mark, behind = match["path"].rpartition("#")
        meant = not behind.strip() or behind.strip()[0] in "+-" or behind.strip()[0].isnumeric()
        if hash_mark and path and meant and not workspace.path(match["path"]).exists():
            problem = f"{shown(spec)} ends in #{cut(behind, 40)}, which is not a number of conversations."
            raise UsageError(problem, "Write a whole number in digits, such as #50000 or #50000+.")
        return None
    if len(digits.lstrip("0")) > len(str(MAX_COUNT)) or int(digits) > MAX_COUNT:
        raise UsageError(f"{shown(spec)} asks for more than {MAX_COUNT:,} conversations.", "Leave #N out to use all.")
    return int(digits)


def load_source(source: Source, seed: int) -> tuple[list[Conversation], list[Reject]]:
    """Read a source, check its rows, and take as many as it says, in the order of the file.

    With `#N`, rows are drawn in an order that only seed, source and row number decide, until N good ones are found;
    only rows that were drawn can be rejects. Drawing more later (a larger N) keeps those drawn before.

    Raises:
        InputError: the file cannot be read as its format at all.
    """
    rows = list(json_rows(source.path))
    if source.count is not None:
        rows.sort(key=lambda row: _draw(seed, source.number, row[0]))
    taken: list[Conversation] = []
    rejects: list[Reject] = []
    for row in rows:
        if len(taken) == source.count:
            break
        outcome = _read(row, source)
        if isinstance(outcome, Reject):
            rejects.append(outcome)
        else:
            taken.append(outcome)
    if source.fill and source.count and taken:
        taken = [taken[index % len(taken)] for index in range(source.count)]
    taken.sort(key=lambda conversation: conversation.origin.row)
    rejects.sort(key=lambda reject: reject.origin.row)
    return taken, rejects


def _read(row: Row, source: Source) -> Conversation | Reject:
    number, content = row
    origin = Origin(source.number, source.name, number)
    try:
        if isinstance(content, InputError):
            raise content
        if not isinstance(content, dict):
            raise InputError(f"a row is a JSON object, found {type(content).__name__}")
        return checked_conversation(FORMATS[source.format](content), origin)
    except InputError as error:
        return Reject(origin, "valid row", error.problem, _id(content))


def _id(content: Any) -> str:
    value = content.get("id") if isinstance(content, dict) else None
    return str(value) if isinstance(value, str | int) else ""


def _draw(seed: int, source: int, row: int) -> bytes:
    """A random number of each row, the same on every machine and with every version of Python."""
    return hashlib.sha256(f"{seed}/{source}/{row}".encode()).digest()
