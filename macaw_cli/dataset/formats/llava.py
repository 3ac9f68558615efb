"""`llava:` rows: media by name, and turns `{"from", "value"}` with `<image>`, `<video>`, `<audio>` where they stand."""

import re
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.entry import Format, of_json
from macaw_cli.dataset.formats.system_key import system_message

ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}
PLACEHOLDER = re.compile(r"\n?<(image|video|audio)>\n?")


def from_llava(row: dict[str, Any]) -> dict[str, Any]:
    """One LLaVA-style row as a canonical one; a key `system` of ShareGPT's rows is its system prompt.

    As LLaVA's own training does, an answer before the first question is left out; so is a question after the last
    answer, from which nothing can be learnt.

    Raises:
        InputError: the turns are not as expected.
    """
    turns = row.get("conversations")
    if not isinstance(turns, list):
        raise InputError(f"needs a list under `conversations`, found {sorted(row)}")
    messages = [_message(turn) for turn in turns]
    if not messages or messages[0]["role"] != "system":
        messages = [*system_message(row), *messages]
    elif system_message(row) and system_message(row) != messages[:1]:
        raise InputError("has one system prompt under `system` and another in `conversations`")
    start = 1 if messages and messages[0]["role"] == "system" else 0
    if len(messages) > start and messages[start]["role"] == "assistant":
        del messages[start]
    if messages and messages[-1]["role"] == "user":
        del messages[-1]
    rest = {key: value for key, value in row.items() if key not in ("conversations", "system")}
    return {**rest, "messages": messages}


def _message(turn: Any) -> dict[str, Any]:
    if not isinstance(turn, dict) or not _is_role(turn.get("from")) or not isinstance(turn.get("value"), str):
        raise InputError(f"a turn needs `from` ({', '.join(ROLES)}) and text under `value`, found {turn!r:.60}")
    role, text = ROLES[turn["from"]], turn["value"]
    return {"role": role, "content": _parts(text) if role == "user" and PLACEHOLDER.search(text) else text}


def _is_role(name: Any) -> bool:
    return isinstance(name, str) and name in ROLES


def _parts(text: str) -> list[dict[str, str]]:
    """Split at the placeholders; the pieces alternate between text and the name of a modality."""
    pieces = PLACEHOLDER.split(text)
    parts = [
        {"type": piece} if number % 2 else {"type": "text", "text": piece} for number, piece in enumerate(pieces)
    ]
    return [part for part in parts if part.get("text") != ""]


def _looks_like(file: Beginning) -> bool:
    turns = file.row.get("conversations")
    first = turns[0] if isinstance(turns, list) and turns else None
    return isinstance(first, dict) and set(first) == {"from", "value"} and first["from"] in ROLES


LLAVA = Format(
    name="llava",
    summary="rows of `conversations` (`from`, `value`), media under `image` and the like at `<image>` in the text",
    read=of_json(from_llava),
    looks_like=_looks_like,
)
