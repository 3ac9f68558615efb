"""What the API answered, whatever is missing in it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RawReply:
    """What the API answered."""

    text: str
    finish: str
    refusal: str
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float


def raw_reply(content: Any, seconds: float) -> RawReply:
    """From the JSON of a reply; whatever is missing or of another type counts as absent."""
    choices = content.get("choices") if isinstance(content, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    message = _object(choice.get("message"))
    usage = _object(content.get("usage") if isinstance(content, dict) else None)
    return RawReply(
        text=_text(message.get("content")),
        finish=_text(choice.get("finish_reason")),
        refusal=_text(message.get("refusal")),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        seconds=seconds,
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    """A text that SQLite and every file can hold."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40 else None
