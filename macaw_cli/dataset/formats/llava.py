"""`llava:` rows: media by name, and turns `{"from", "value"}` with `<image>`, `<video>`, `<audio>` where they stand."""

from typing import Any

from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.entry import Format, of_json
from macaw_cli.dataset.formats.turns import messages_of_turns

ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}


def from_llava(row: dict[str, Any]) -> dict[str, Any]:
    """One LLaVA-style row as a canonical one.

    Raises:
        InputError: the turns are not as expected.
    """
    rest = {key: value for key, value in row.items() if key not in ("conversations", "system")}
    return {**rest, "messages": messages_of_turns(row, ROLES)}


def _looks_like(file: Beginning) -> bool:
    """ShareGPT's rows list media in the plural, or hold text alone."""
    return "conversations" in file.row and any(key in file.row for key in ("image", "video", "audio"))


LLAVA = Format(
    name="llava",
    summary="rows of `conversations` (`from`, `value`), media under `image` and the like at `<image>` in the text",
    read=of_json(from_llava),
    looks_like=_looks_like,
)
