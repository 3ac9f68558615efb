"""The JSON in a reply whose form is a little off: fences, text around it, missing ends."""

from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_text import parse_json


def loose_json(text: str) -> Any:
    """What a reply holds; None where it holds no JSON."""
    try:
        return parse_json(text)
    except InputError:
        pass
    if "{" not in text:
        return None
    from json_repair import repair_json

    try:
        return repair_json(text[text.index("{") :], return_objects=True, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None
