"""The key `system` of a row, in which several formats give the system prompt."""

from typing import Any

from macaw_cli.basics.errors import InputError


def system_message(row: dict[str, Any]) -> list[dict[str, str]]:
    """The system message of a row, in a list; an empty list where it has none.

    Raises:
        InputError: the system prompt is no text.
    """
    text = row.get("system") or ""
    if not isinstance(text, str):
        raise InputError(f"`system` must be text, found {text!r:.60}")
    return [{"role": "system", "content": text}] if text.strip() else []
