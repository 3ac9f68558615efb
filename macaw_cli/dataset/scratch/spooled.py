"""One joined conversation as it waits on disk: its JSON as the sample will hold it, and what the index says of it."""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from macaw_cli.basics.json_text import parse_json
from macaw_cli.dataset.conversations import Conversation

_HEAD = struct.Struct("<II")
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Use:
    """A medium in a conversation."""

    medium: int
    """Its number in the build."""
    source: str
    """What the conversation calls it; never an absolute path."""
    soundtrack_of: int | None
    """For a soundtrack: the position of its video in the conversation's media."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A conversation whose media are numbers."""

    source: int
    row: int
    """Where it was read."""
    id: str
    kind: str | None
    choices: list[str] | None
    tags: tuple[str, ...]
    uses: tuple[Use, ...]
    """Ordered image, audio, video."""
    before_media: bytes
    """Its JSON up to the names of its media..."""
    behind_media: bytes
    """...and from there to the end."""


def spooled(given: Conversation, uses: Sequence[Use]) -> tuple[bytes, int]:
    """The record of a conversation, and the length of its JSON without the names of its media."""
    optional = {"kind": given.kind, "choices": given.choices}
    behind = {
        **({"audio": []} if given.silent else {}),
        "messages": given.messages,
        **{key: value for key, value in optional.items() if value is not None},
        **given.extra,
    }
    told = [given.origin.source, given.origin.row, given.id, given.kind, given.choices, _tags(given.extra),
            [[use.medium, use.source, use.soundtrack_of] for use in uses]]  # fmt: skip
    return _record(told, b'{"id":' + dumped(given.id), behind)


def with_tags(given: Spooled, tags: Sequence[str]) -> tuple[bytes, int]:
    """The record of a conversation with more tags, and the length of its JSON without the names of its media."""
    behind = parse_json(b"{" + given.behind_media[1:])
    own = behind.get("tags")
    behind["tags"] = [*(own if isinstance(own, list) else []), *tags]
    told = [given.source, given.row, given.id, given.kind, given.choices, _tags(behind),
            [[use.medium, use.source, use.soundtrack_of] for use in given.uses]]  # fmt: skip
    return _record(told, given.before_media, behind)


def _record(told: list[Any], before: bytes, behind: dict[str, Any]) -> tuple[bytes, int]:
    facts, last = dumped(told), b"," + dumped(behind)[1:]
    lengths = len(facts).to_bytes(4, "little") + len(before).to_bytes(4, "little")
    return b"".join((lengths, facts, before, last)), len(before) + len(last)


def read_spooled(record: bytes) -> Spooled:
    """The conversation of a record."""
    facts, before = _HEAD.unpack_from(record)
    middle = _HEAD.size + facts
    source, row, name, kind, choices, tags, uses = parse_json(record[_HEAD.size : middle].decode())
    return Spooled(
        source, row, name, kind, choices, tuple(tags), tuple(Use(*use) for use in uses),
        record[middle : middle + before], record[middle + before :],
    )  # fmt: skip


def dumped(content: Any) -> bytes:
    """Compact JSON in UTF-8, as samples hold it."""
    return _ENCODER.encode(content).encode()


def _tags(extra: Mapping[str, Any]) -> list[str]:
    tags = extra.get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
