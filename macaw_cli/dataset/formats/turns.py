"""Turns `{"from", "value"}` with `<image>`, `<video>`, `<audio>` where media stand: what LLaVA and ShareGPT share."""

import re
from collections.abc import Mapping
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.formats.system_key import system_message

PLACEHOLDER = re.compile(r"\n?<(image|video|audio)>\n?")


def messages_of_turns(row: dict[str, Any], roles: Mapping[str, str]) -> list[dict[str, Any]]:
    """The messages of a row's `conversations`; a key `system` is its system prompt.

    As LLaVA's own training does, an answer before the first question is left out; so is a question after the last
    answer, from which nothing can be learnt.

    Args:
        row: with the turns.
        roles: what `from` may say, to the role that it means.

    Raises:
        InputError: the turns are not as expected.
    """
    turns = row.get("conversations")
    if not isinstance(turns, list):
        raise InputError(f"needs a list under `conversations`, found {sorted(row)}")
    messages = [_message(turn, roles) for turn in turns]
    if not messages or messages[0]["role"] != "system":
        messages = [*system_message(row), *messages]
    elif system_message(row) and system_message(row) != messages[:1]:
        raise InputError("has one system prompt under `system` and another in `conversations`")
    start = 1 if messages and messages[0]["role"] == "system" else 0
    if len(messages) > start and messages[start]["role"] == "assistant":
        del messages[start]
    if messages and messages[-1]["role"] == "user":
        del messages[-1]
    return messages


def _message(turn: Any, roles: Mapping[str, str]) -> dict[str, Any]:
    if not isinstance(turn, dict) or not _is_role(turn.get("from"), roles) or not isinstance(turn.get("value"), str):
        raise InputError(f"a turn needs `from` ({', '.join(roles)}) and text under `value`, found {turn!r:.60}")
    role, text = roles[turn["from"]], turn["value"]
    return {"role": role, "content": _parts(text) if role == "user" and PLACEHOLDER.search(text) else text}


def _is_role(name: Any, roles: Mapping[str, str]) -> bool:
    return isinstance(name, str) and name in roles


def _parts(text: str) -> list[dict[str, str]]:
    """Split at the placeholders; the pieces alternate between text and the name of a modality."""
    pieces = PLACEHOLDER.split(text)
    parts = [
        {"type": piece} if number % 2 else {"type": "text", "text": piece} for number, piece in enumerate(pieces)
    ]
    return [part for part in parts if part.get("text") != ""]
