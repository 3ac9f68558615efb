"""A conversation from an item with captions when no model generates any: a request to describe it, and one caption."""

import hashlib
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.conversations import Origin
from macaw_cli.modalities.table import MODALITIES, Modality

KIND = "description"
_QUESTIONS: dict[Modality, tuple[str, ...]] = {
    "image": (
        "Describe this image.", "What does this image show?", "What can be seen in this image?",
        "Give a short description of this image.", "Summarize the content of this image in one sentence.",
    ),
    "audio": (
        "Describe this recording.", "What can be heard in this recording?", "What is this a recording of?",
        "Give a short description of this audio.", "Summarize what can be heard in one sentence.",
    ),
    "video": (
        "Describe this video.", "What happens in this video?", "What does this video show?",
        "Give a short description of this video.", "Summarize the content of this video in one sentence.",
    ),
}  # fmt: skip
_OTHER = ("Describe this.", "What is this?", "Give a short description of this.")


def is_item(row: Any) -> bool:
    """Whether a row is an item: known by captions or a transcript, and not yet a conversation."""
    return isinstance(row, dict) and "messages" not in row and ("captions" in row or "transcript" in row)


def as_conversation(row: Any, origin: Origin, seed: int) -> Any:
    """The conversation of a row with `captions` and no `messages`; every other row as it is.

    Question and caption are drawn by seed and the item's id, so they do not depend on the other rows.

    Raises:
        InputError: there is no caption to answer with.
    """
    if not is_item(row):
        return row
    captions = row.get("captions")
    captions = [captions] if isinstance(captions, str) else captions
    if not isinstance(captions, list) or not captions or not all(isinstance(one, str) and one for one in captions):
        raise InputError("an item needs one or more texts under `captions`")
    modality = next((one for one in reversed(MODALITIES) if row.get(one)), None)
    questions = _QUESTIONS.get(modality or "", _OTHER)
    drawn = f"{seed}/{row.get('id', origin.row)}"
    rest = {key: value for key, value in row.items() if key not in ("captions", "transcript", "boxes")}
    messages = [
        {"role": "user", "content": questions[_number(f"{drawn}/question") % len(questions)]},
        {"role": "assistant", "content": captions[_number(f"{drawn}/caption") % len(captions)]},
    ]
    return {"kind": KIND, **rest, "messages": messages}


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:8])
