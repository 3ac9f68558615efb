"""`sharegpt:` rows of `conversations`, as ShareGPT's dumps and LLaMA-Factory have them; media under `images`.

Turns of tools are not supported: a row that has one is a reject.
"""

from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.entry import Format, of_json
from macaw_cli.dataset.formats.turns import messages_of_turns
from macaw_cli.modalities.table import MODALITIES

ROLES = {
    "human": "user", "user": "user", "gpt": "assistant", "chatgpt": "assistant", "bing": "assistant",
    "bard": "assistant", "assistant": "assistant", "model": "assistant", "system": "system",
}  # fmt: skip
TOOL_ROLES = ("function_call", "observation", "tool", "function")


def from_sharegpt(row: dict[str, Any]) -> dict[str, Any]:
    """One ShareGPT row as a canonical one.

    Raises:
        InputError: the turns are not as expected, one is that of a tool, or media are listed twice.
    """
    turns = row.get("conversations")
    for turn in turns if isinstance(turns, list) else ():
        if isinstance(turn, dict) and turn.get("from") in TOOL_ROLES:
            raise InputError(f"has a turn of a tool (`{turn['from']}`), which macaw does not train on")
    messages = messages_of_turns(row, ROLES)
    media = {f"{modality}s": modality for modality in MODALITIES}
    for plural, singular in media.items():
        if row.get(plural) and row.get(singular):
            raise InputError(f"lists media under `{plural}` and under `{singular}`: keep one")
    rest = {
        media.get(key, key): value
        for key, value in row.items()
        if key not in ("conversations", "system") and (key not in media or value)
    }
    return {**rest, "messages": messages}


def _looks_like(file: Beginning) -> bool:
    return "conversations" in file.row and not any(key in file.row for key in MODALITIES)


SHAREGPT = Format(
    name="sharegpt",
    summary="rows of `conversations` (`from`, `value`), media under `images`, `videos`, `audios`",
    read=of_json(from_sharegpt),
    looks_like=_looks_like,
)
