"""Where texts of experts stand in a conversation: at the places of their media, else before the first question."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from macaw_cli.basics.errors import MismatchError
from macaw_cli.modalities.table import Modality
from macaw_cli.model.text.media_places import without_first_places
from macaw_cli.model.text.templates import INPUT_MARK
from macaw_cli.shards.told_media import TextUse, ToldMedium


def with_told(messages: Sequence[Mapping[str, Any]], told: Sequence[ToldMedium], use: TextUse) -> list[dict[str, Any]]:
    """Messages with the texts of their media.

    A medium that a message gives a place is told there: behind it where it is fed, else in its place. The others are
    told at the beginning of the first question, each on lines of its own, behind the media themselves.

    Args:
        messages: canonical messages, without texts.
        told: of each modality that experts describe all media of the conversation, in order.
        use: whether media are replaced, and the system text.

    Raises:
        MismatchError: more places in the messages than media.
    """
    if not told:
        return [dict(message) for message in messages]
    messages = without_first_places(messages)  # as the encoder has them: places before or behind a first text are none
    waiting: dict[Modality, list[str]] = {}
    for one in told:
        waiting.setdefault(one.modality, []).append(one.text)
    for modality, texts in waiting.items():
        places = sum(part["type"] == modality for message in messages for part in _parts(message))
        if places > len(texts):
            raise MismatchError(
                f"The messages name {places} positions for {modality}, but {len(texts)} are described.",
                f"Give the media, or remove the {modality} parts from the messages.",
            )
        waiting[modality] = texts[len(texts) - places :]
    counts = Counter(one.modality for one in told)
    unplaced = {modality: counts[modality] - len(waiting[modality]) for modality in waiting}
    opening = []
    for one in told:
        if unplaced[one.modality] > 0:
            unplaced[one.modality] -= 1
            opening.append(one.text)
    changed = [{**message, "content": _in_places(message["content"], waiting, use)} for message in messages]
    first = next(message for message in changed if message["role"] == "user")
    first["content"] = _opened(opening, first["content"])
    return _with_system(changed, use.system) if use.system else changed


def _parts(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content = message["content"]
    return () if isinstance(content, str) else content


def _in_places(content: Any, waiting: Mapping[Modality, list[str]], use: TextUse) -> Any:
    if isinstance(content, str):
        return content
    parts: list[dict[str, Any]] = []
    for part in content:
        if part["type"] not in waiting:
            parts.append(dict(part))
            continue
        parts += [] if part["type"] in use.replaced else [dict(part)]
        parts.append({"type": "text", "text": f"{waiting[part['type']].pop(0)}\n"})
    return _merged(parts)


def _merged(parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbouring texts as one: a text part behind another one may be an instruction's input."""
    merged: list[dict[str, Any]] = []
    for part in parts:
        both = merged and part["type"] == merged[-1]["type"] == "text"
        if both and not part["text"].startswith(INPUT_MARK):
            merged[-1] = {"type": "text", "text": merged[-1]["text"] + part["text"]}
        else:
            merged.append(part)
    return merged


def _opened(texts: Sequence[str], content: Any) -> Any:
    """A question behind texts, in its first text: a part of its own would make that an instruction's input."""
    if not texts:
        return content
    opening = "".join(f"{text}\n" for text in texts)
    if isinstance(content, str):
        return opening + content
    if content and content[0]["type"] == "text":
        return [{**content[0], "text": opening + content[0]["text"]}, *content[1:]]
    return [{"type": "text", "text": opening}, *content]


def _with_system(messages: list[dict[str, Any]], system: str) -> list[dict[str, Any]]:
    """The system text behind that of the conversation, if it has one."""
    if messages[0]["role"] != "system":
        return [{"role": "system", "content": system}, *messages]
    own = messages[0]["content"]
    own = own if isinstance(own, str) else "".join(part["text"] for part in own)
    return [{**messages[0], "content": f"{own}\n\n{system}"}, *messages[1:]]
