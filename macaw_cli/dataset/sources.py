"""Reading a source: its rows one after another, of which `#N` takes some by seed."""

import hashlib
import heapq
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import Row
from macaw_cli.basics.json_text import parse_json
from macaw_cli.dataset.conversations import Conversation, Origin, checked_conversation
from macaw_cli.dataset.descriptions import as_conversation, is_item
from macaw_cli.dataset.formats.registry import FORMATS
from macaw_cli.dataset.rejects import FilteredOut, Reject
from macaw_cli.dataset.scratch.records import Place, RecordWriter
from macaw_cli.dataset.source_specs import Source

T = TypeVar("T")
Passes = Callable[[Conversation], None]
"""Raises FilteredOut with the filter that drops a conversation."""
Check = Callable[[Any, Origin], T]
"""A canonical row and where it stood to what is made of it; raises InputError with the reason for a reject."""


def read_conversations(
    source: Source, seed: int, aside: RecordWriter, passes: Passes | None = None
) -> Iterator[Conversation | Reject]:
    """The conversations of a source and its rejects, in the order of the file.

    Args:
        source: what to read. Where it repeats a conversation (`#N+`), the same object comes again.
        seed: decides which `#N` takes.
        aside: keeps rows that may be drawn, so that they do not have to stay in memory.
        passes: of the filters that judge conversations by themselves; they apply before `#N` takes any.

    Raises:
        InputError: the file cannot be read as its format at all.
    """
    if source.count is None:
        found = read_source(source, seed, lambda row, origin: _conversation(row, origin, source, seed, passes))
        yield from (one for one in found if one is not None)
        return

    def put_aside(row: Any, origin: Origin) -> tuple[Origin, Place] | None:
        if _conversation(row, origin, source, seed, passes) is None:
            return None
        return origin, aside.add(json.dumps(row).encode())

    last: tuple[Origin, Place] | None = None
    conversation: Conversation | None = None
    for drawn in read_source(source, seed, put_aside):
        if isinstance(drawn, Reject):
            yield drawn
        elif drawn is not None:
            if drawn is not last:
                row = parse_json(aside.read(drawn[1]).decode())
                last, conversation = drawn, _conversation(row, drawn[0], source, seed, None)
            if conversation is not None:
                yield conversation


def read_source(source: Source, seed: int, check: Check[T]) -> Iterator[T | Reject]:
    """Read a source and check its rows, in the order of the file.

    With `#N`, rows are drawn in an order that only seed, source and row number decide, until N good ones are found;
    only rows that were drawn can be rejects. Drawing more later (a larger N) keeps those drawn before.

    Args:
        source: of which rows; without `#N` none is kept in memory, else at most N are.
        seed: decides which are drawn.
        check: of a row.

    Raises:
        InputError: the file cannot be read as its format at all.
    """
    rows = FORMATS[source.format].read(source.path, source.options)
    if source.count is None:
        for row in rows:
            yield _outcome(row, source, check)
    else:
        yield from _drawn(rows, source, seed, check)


def _drawn(rows: Iterator[Row], source: Source, seed: int, check: Check[T]) -> Iterator[T | Reject]:
    """The N good rows of the smallest draws, and the bad ones of smaller draws than the last of them."""
    assert source.count is not None
    largest_first: list[tuple[int, int]] = []
    good: dict[int, tuple[int, T]] = {}
    bad: list[tuple[int, int, Reject]] = []
    for row in rows:
        draw = _draw(seed, source.number, row[0])
        full = len(good) == source.count
        if full and draw > -largest_first[0][0]:
            continue
        outcome = _outcome(row, source, check)
        if isinstance(outcome, Reject):
            bad.append((row[0], draw, outcome))
            continue
        good[row[0]] = draw, outcome
        if not full:
            heapq.heappush(largest_first, (-draw, row[0]))
        else:
            del good[heapq.heapreplace(largest_first, (-draw, row[0]))[1]]
    last = -largest_first[0][0] if len(good) == source.count else None
    times = _repeats({number: draw for number, (draw, _) in good.items()}, source.count) if source.fill else {}
    found: list[tuple[int, T | Reject]] = [
        (number, reject) for number, draw, reject in bad if last is None or draw < last
    ]  # fmt: skip
    for number, (_, taken) in good.items():
        found += [(number, taken)] * times.get(number, 1)
    yield from (outcome for _, outcome in sorted(found, key=lambda one: one[0]))


def _repeats(draws: dict[int, int], count: int) -> dict[int, int]:
    """How often each row is taken so that there are `count`: equally often, those of the smallest draws once more."""
    every, once_more = divmod(count, len(draws) or 1)
    return {
        number: every + (place < once_more) for place, number in enumerate(sorted(draws, key=draws.__getitem__))
    }  # fmt: skip


def _outcome(row: Row, source: Source, check: Check[T]) -> T | Reject:
    number, content = row
    origin = Origin(source.number, source.name, number)
    try:
        if isinstance(content, InputError):
            raise content
        return check(content, origin)
    except FilteredOut as out:
        return Reject(origin, out.filter, out.problem, _id(content))
    except InputError as error:
        return Reject(origin, "valid row", error.problem, _id(content))


def _conversation(
    row: Any, origin: Origin, source: Source, seed: int, passes: Passes | None
) -> Conversation | None:
    """None for an item of which a model writes the conversations."""
    if not source.items and is_item(row):
        return None
    conversation = checked_conversation(as_conversation(row, origin, seed), origin)
    if passes:
        passes(conversation)
    return conversation


def _id(content: Any) -> str:
    value = content.get("id") if isinstance(content, dict) else None
    return str(value) if isinstance(value, str | int) else ""


def _draw(seed: int, source: int, row: int) -> int:
    """A random number of each row, the same on every machine and with every version of Python."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{source}/{row}".encode()).digest())
