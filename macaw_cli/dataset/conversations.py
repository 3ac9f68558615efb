"""The canonical conversation, and the check that a row is one: every reason for a reject is worded here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.file_names import encodable
from macaw_cli.dataset.messages import checked_messages
from macaw_cli.modalities.table import MODALITIES, TABLE, Modality
from macaw_cli.shards.training_rows import SPLITS, Split

OWN_KEYS = frozenset({"id", "messages", "kind", "choices", "split", *MODALITIES})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a conversation was read."""

    source: int
    """Which of the sources, from 0."""
    file: str
    """The file as the settings name it."""
    row: int
    """Row or list item, from 1."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One checked conversation; media are still names."""

    id: str
    origin: Origin
    messages: list[dict[str, Any]]
    media: dict[Modality, tuple[str, ...]]
    silent: bool = False
    """`"audio": []` was given: videos do not bring their soundtrack."""
    kind: str | None = None
    choices: list[str] | None = None
    split: Split | None = None
    """The side that the row itself asks for."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Every other key of the row, passed through."""


@dataclass(frozen=True, slots=True)
class MediaRow:
    """What every canonical row has, a conversation as well as an item with captions."""

    id: str
    media: dict[Modality, tuple[str, ...]]
    split: Split | None


def checked_media_row(row: Any, origin: Origin) -> MediaRow:
    """Check the part of a canonical row that is not text.

    Args:
        row: the parsed JSON.
        origin: where it stood; names the row when it has no id.

    Raises:
        InputError: the row is no object, or a key has another form; the problem says why.
    """
    if not isinstance(row, Mapping):
        raise InputError(f"a conversation is a JSON object, found {type(row).__name__}")
    _require_encodable(row)
    _require_known_media(row)
    named = {modality: row.get(modality) for modality in MODALITIES if holds_media(row, modality)}
    media = {modality: _checked_names(named.get(modality), modality) for modality in MODALITIES}
    return MediaRow(_checked_id(row.get("id"), origin), media, _checked_split(row.get("split")))


def checked_conversation(row: Any, origin: Origin) -> Conversation:
    """Check one canonical row.

    Args:
        row: the parsed JSON.
        origin: where it stood; names the conversation when it has no id.

    Raises:
        InputError: the row is not a conversation; the problem says why, without file and row number.
    """
    checked = checked_media_row(row, origin)
    messages = checked_messages(row.get("messages"))
    _require_questions(messages, any(checked.media.values()))
    return Conversation(
        id=checked.id,
        origin=origin,
        messages=messages,
        media=checked.media,
        silent=row.get("audio") == [],
        kind=_checked_kind(row.get("kind")),
        choices=_checked_choices(row.get("choices"), messages),
        split=checked.split,
        extra={key: value for key, value in row.items() if key not in OWN_KEYS or not holds_media(row, key)},
    )


def holds_media(row: Mapping[str, Any], key: str) -> bool:
    """Whether a key of a row is not just called like a modality: `"depth": 3` is another key of whoever wrote it."""
    return key not in TABLE or TABLE[key].original or _are_names(row.get(key))


def _are_names(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(name, str) for name in value))


def _require_encodable(row: Mapping[str, Any]) -> None:
    """All but the names of media: there a lone surrogate is a byte that is not UTF-8 (see `basics.file_names`)."""
    texts = {key: value for key, value in row.items() if key not in MODALITIES}
    try:
        json.dumps(texts, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise InputError("the text holds an incomplete character (a lone surrogate such as \\ud800)") from None
    except ValueError:
        raise InputError("the row holds NaN or Infinity, which JSON does not have: leave the value out") from None
    except TypeError:  # only from formats that are not JSON
        foreign = next((key for key, value in texts.items() if not _is_json(value)), "")
        raise InputError(f"`{foreign}` holds something that is neither text nor a number: leave it out") from None


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True


def _require_known_media(row: Mapping[str, Any]) -> None:
    """Extra keys are kept, but one that only misspells a medium would leave its conversation blind without a word."""
    for key in row:
        modality = _misspelt(key)
        if modality and (TABLE[modality].original or _are_names(row[key])):
            raise InputError(f"unknown key `{key}`: list media under `{modality}`")


@lru_cache(1024)
def _misspelt(key: str) -> Modality | None:
    """The modality whose key this is another spelling of."""
    for modality in MODALITIES:
        if key != modality and key.lower() in (modality, f"{modality}s", f"{modality}_path", f"{modality}_paths"):
            return modality
    return None


def _require_questions(messages: list[dict[str, Any]], has_media: bool) -> None:
    """A question may be media alone, but not nothing."""
    for number, message in enumerate(messages, start=1):
        content = message["content"]
        texts = [content] if isinstance(content, str) else [part.get("text", "") for part in content]
        if message["role"] == "user" and not has_media and not "".join(texts).strip():
            raise InputError(f"message {number}, a question, is empty")


def _checked_id(value: Any, origin: Origin) -> str:
    if value is None:
        return f"{origin.file.rpartition('/')[2]}:{origin.row}"
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputError(f"`id` must be text or a whole number, found {value!r}")
    return str(value)


def _checked_names(value: Any, modality: Modality) -> tuple[str, ...]:
    if not value:
        return ()
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"`{modality}` must be a file name or a list of them, found {value!r}")
    if not all(map(encodable, names)):
        raise InputError(f"`{modality}` names a file with an incomplete character (a lone surrogate such as \\ud800)")
    return tuple(names)


def _checked_kind(value: Any) -> str | None:
    if value is not None and not (isinstance(value, str) and value):
        raise InputError(f"`kind` must be text, found {value!r}")
    return value


def _checked_choices(value: Any, messages: list[dict[str, Any]]) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(choice, str) and choice for choice in value):
        raise InputError(f"`choices` must be a list of texts, found {value!r}")
    if len(set(value)) < 2 or len(set(value)) < len(value):
        raise InputError(f"`choices` needs two or more different texts, found {value!r}")
    answer = messages[-1]["content"]
    if answer not in value:
        raise InputError(f"the answer {answer!r} is not among its `choices` {value!r}")
    return value


def _checked_split(value: Any) -> Split | None:
    if value is not None and value not in SPLITS:
        raise InputError(f"`split` must be {' or '.join(SPLITS)}, found {value!r}")
    split: Split | None = value
    return split
