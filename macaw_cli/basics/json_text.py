"""JSON that others wrote: whatever stands in it, there is a value or one clear error, never a RecursionError."""

import json
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.shown_text import cut

MAX_DEPTH = 100
"""Lists and objects inside each other. What is deeper could be read here and fail later, wherever it is written."""
_raw_decode = json.JSONDecoder().raw_decode
_MISSED = object()


def parse_json(text: str | bytes, what: str = "the text", kind: type[InputError] = InputError, hint: str = "") -> Any:
    """The value of a JSON text.

    Args:
        text: the JSON; bytes are UTF-8.
        what: what the text is called at the beginning of the message, such as `a.jsonl, line 3`.
        kind: class of the error.
        hint: of the error.

    Raises:
        InputError: it is not JSON, not UTF-8, or lists and objects are more than `MAX_DEPTH` deep in each other.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text), "surrogatepass")
        value = _usual(text)
        if value is _MISSED:
            value = json.loads(text)
    except RecursionError:
        raise kind(f"{what} is JSON with more than {MAX_DEPTH} levels.", hint) from None
    except ValueError as error:
        raise kind(f"{what} is not valid JSON ({cut(str(error))}).", hint) from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deep(value):
        raise kind(f"{what} is JSON with more than {MAX_DEPTH} levels.", hint)
    return value


def value_at(text: str, start: int) -> tuple[Any, int]:
    """The JSON value that begins at `start`, and where it ends; what stands behind it is not looked at.

    Raises:
        ValueError: no whole value begins there.
        RecursionError: lists and objects are too deep in each other.
    """
    value, end = _raw_decode(text, start)
    if text.count("[", start, end) + text.count("{", start, end) > MAX_DEPTH and _is_deep(value):
        raise RecursionError
    return value, end


def _usual(text: str) -> Any:
    """JSON that begins at once and ends in at most a line feed, as in every line: half the time of `json.loads`."""
    try:
        value, end = _raw_decode(text)
    except ValueError:
        return _MISSED
    return value if end == len(text) or text[end:] == "\n" else _MISSED


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            below
            for container in level
            if isinstance(container, dict | list)
            for below in (container.values() if isinstance(container, dict) else container)
            if isinstance(below, dict | list)
        ]
        if not level:
            return False
    return True
