"""`openai:` rows of chat messages as OpenAI's API takes them; content parts name media by path or `file:` URL."""

from typing import Any
from urllib.parse import unquote, urlsplit

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.shown_text import shown
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.entry import Format, of_json
from macaw_cli.modalities.table import MODALITIES

ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


def from_openai(row: dict[str, Any]) -> dict[str, Any]:
    """One chat as a canonical row; where a medium stands in the content, it stays.

    Raises:
        InputError: the messages are of another form, call tools, or hold media that are no local files.
    """
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InputError(f"needs a list under `messages`, found {sorted(row)}")
    if any(row.get(modality) for modality in MODALITIES):
        raise InputError("lists media beside the messages: read this file as jsonl:")
    media: dict[str, list[str]] = {}
    converted = [_message(message, number, media) for number, message in enumerate(messages, start=1)]
    rest = {key: value for key, value in row.items() if key != "messages" and key not in MODALITIES}
    return {**rest, **media, "messages": converted}


def _message(message: Any, number: int, media: dict[str, list[str]]) -> dict[str, Any]:
    role = message.get("role") if isinstance(message, dict) else None
    if role in ("tool", "function") or (isinstance(message, dict) and message.get("tool_calls")):
        raise InputError(f"message {number} calls a tool or is its result, which macaw does not train on")
    if not isinstance(role, str) or role not in ROLES:
        raise InputError(f"message {number} needs a role ({', '.join(ROLES)}), found {shown(message, 60)}")
    content = message.get("content")
    if isinstance(content, list):
        content = [_part(part, number, media) for part in content]
    return {"role": ROLES[role], "content": content}


def _part(part: Any, number: int, media: dict[str, list[str]]) -> dict[str, str]:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text":
        return {"type": "text", "text": part.get("text")}
    if kind == "input_audio":
        raise InputError(f"message {number} holds audio itself (`input_audio`); name its file under `audio_url`")
    for modality in MODALITIES:
        if kind in (modality, f"{modality}_url"):
            value = part.get(kind)
            url = value.get("url") if isinstance(value, dict) else value
            media.setdefault(modality, []).append(_path(url, number))
            return {"type": modality}
    raise InputError(f"message {number} has a part that is neither text nor a medium: {shown(part, 60)}")


def _path(url: Any, number: int) -> str:
    if not isinstance(url, str) or not url:
        raise InputError(f"message {number} needs a path or a file: URL, found {shown(url, 60)}")
    try:
        parts = urlsplit(url)
    except ValueError:  # such as brackets that hold no address
        raise InputError(f"message {number} names a medium by a broken URL: {shown(url, 60)}") from None
    scheme = parts.scheme if "://" in url or url.startswith(("data:", "file:")) else ""
    if scheme == "data":
        raise InputError(f"message {number} holds a medium itself (a data: URL); save it as a file and name that")
    if scheme == "file":
        return unquote(parts.path)
    if scheme:
        raise InputError(f"message {number} names a medium by a {scheme}: URL; download it and name the file")
    return url


def _looks_like(file: Beginning) -> bool:
    return holds_media_parts(file.row.get("messages"))


def holds_media_parts(messages: Any) -> bool:
    """Whether a part of the messages names a medium itself, as OpenAI's do and macaw's do not."""
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        for part in content if isinstance(content, list) else ():
            kind = str(part.get("type")) if isinstance(part, dict) else ""
            if kind.endswith("_url") or kind == "input_audio" or (kind in MODALITIES and len(part) > 1):
                return True
    return False


OPENAI = Format(
    name="openai",
    summary="chats as OpenAI's API takes them: `messages` with content parts that name local files",
    read=of_json(from_openai),
    looks_like=_looks_like,
)
