"""The questions of `macaw chat --batch`: one JSON object a line."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macaw_cli.basics.closest_names import closest
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.basics.shown_text import cut
from macaw_cli.basics.typed_rows import COUNT, TEXT, TEXTS, Fields, Kind, either, list_of, one_of
from macaw_cli.basics.urls import is_url
from macaw_cli.modalities.table import MODALITIES, Modality

RowId = str | int
_PART = Fields({"type": one_of(("text", *MODALITIES))}, {"text": TEXT})
_MESSAGE = Fields({"role": one_of(("system", "user", "assistant")), "content": either(TEXT, list_of(_PART))})
_FIELDS: Mapping[str, Kind] = {
    "id": either(TEXT, COUNT), "prompt": TEXT, "messages": list_of(_MESSAGE),
    **{name: either(TEXT, TEXTS) for name in MODALITIES},
}  # fmt: skip
_ROW = Fields({}, _FIELDS)
_MISSPELT = 0.75
"""Likeness of another key to one of these from which on it is a mistake; further keys are for whoever wrote them."""


@dataclass(frozen=True)
class BatchRow:
    """One line of the file.

    Attributes:
        id: as it says, else the number of its line.
        fingerprint: of what it asks.
        messages: in canonical form; empty where the row is wrong.
        media: modality and path or URL of each.
        fault: why it cannot be asked.
        line: its number in the file, from 1.
    """

    id: RowId
    fingerprint: str
    messages: list[dict[str, Any]]
    media: list[tuple[Modality, str]]
    fault: InputError | None = None
    line: int = 0


def batch_rows(file: Path) -> Iterator[BatchRow]:
    """The questions of a file, wrong ones included; empty lines are none. Paths are relative to the file's folder.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        opened = open_regular(file)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.", "Check the path.") from None
    with opened:
        for number, line in enumerate(opened, start=1):
            if line.strip():
                yield _row(line, number, file)


def _row(line: bytes, number: int, file: Path) -> BatchRow:
    where = f"{file.name}, line {number}"
    name: RowId = number
    content: Any = None
    try:
        content = parse_json(line, where)
        if isinstance(content, dict) and _FIELDS["id"].holds(content.get("id")):
            name = content["id"]
        _require_right(content, where)
        media = [(modality, _place(text, file)) for modality in MODALITIES for text in _listed(content.get(modality))]
        return BatchRow(name, fingerprint(content), _messages(content), media, line=number)
    except InputError as fault:
        return BatchRow(name, fingerprint(line.decode(errors="replace").strip()), [], [], fault, number)


def _require_right(content: Any, where: str) -> None:
    """Refuse what is no question.

    Raises:
        InputError: with the first thing that is wrong.
    """
    if not _ROW.holds(content):
        raise InputError(f"{where}: {_ROW.fault(content, '')}.", "docs/chat.md shows a row.")
    for key in content:
        if key not in _FIELDS and (near := closest(key, _FIELDS, likeness=_MISSPELT)):
            raise InputError(f"{where}: there is no key {cut(key)} (did you mean {near[0]}?).", "Rename it.")
    prompt, messages = content.get("prompt"), content.get("messages")
    if (prompt is None) == (messages is None):
        what = "neither `prompt` nor `messages`" if prompt is None else "both `prompt` and `messages`"
        raise InputError(f"{where} has {what}.", "Give one of them.")
    if messages is not None and [one["role"] for one in messages if one["role"] != "assistant"][-1:] != ["user"]:
        raise InputError(f"{where}: `messages` do not end with a question of the user.", "Add it.")
    parts = [part for one in messages or () if not isinstance(one["content"], str) for part in one["content"]]
    if any(part["type"] == "text" and "text" not in part for part in parts):
        raise InputError(f"{where}: a part of type `text` has no `text`.", "Add its text.")
    try:
        json.dumps([prompt, messages], ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError(f"{where} holds half of a character, such as \\ud800.", "Write it whole.") from None


def _messages(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    if content.get("prompt") is not None:
        return [{"role": "user", "content": content["prompt"]}]
    messages = [{"role": one["role"], "content": one["content"]} for one in content["messages"]]
    return messages[:-1] if messages[-1]["role"] == "assistant" else messages  # of datasets: the reference answer


def _listed(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _place(text: str, file: Path) -> str:
    return text if is_url(text) else str(file.parent / Path(text).expanduser())
