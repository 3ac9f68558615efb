"""`/save` and `/load`: a conversation as a JSON file, with the paths of its media and what their files were."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import write_json
from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.basics.fingerprints import require_version
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.basics.typed_rows import COUNT, FLAG, HASH, TEXT, Fields, list_of, one_of
from macaw_cli.basics.urls import is_url
from macaw_cli.basics.working_files import kind_of
from macaw_cli.chat.turns import Turn
from macaw_cli.inference.attachments import Attachment
from macaw_cli.inference.conversations import in_training_order
from macaw_cli.modalities.table import MODALITIES, Modality

VERSION = 1
KIND = "macaw-conversation"
MOST_BYTES = 256 << 20
_HINT = "Name a file that /save has written."
_MEDIUM = Fields({"path": TEXT, "modality": one_of(MODALITIES), "sha256": HASH})
_TURN = Fields({"question": TEXT, "answer": TEXT, "media": list_of(_MEDIUM)}, {"attempt": COUNT, "example": FLAG})
_FILE = Fields({"model": TEXT, "system": TEXT, "turns": list_of(_TURN), "attached": list_of(_MEDIUM)})
Attach = Callable[[str, Modality], list[Attachment]]
"""What a path or URL becomes."""


@dataclass(frozen=True)
class Conversation:
    """What a file holds.

    Attributes:
        model: that answered, as it was shown.
        system: the system prompt.
        turns: with their answers.
        pending: attached, and not yet asked about.
    """

    model: str
    system: str
    turns: Sequence[Turn]
    pending: Sequence[Attachment]


def save(file: Path, conversation: Conversation, *, replaces: bool) -> None:
    """Write a conversation, whole or not at all. Paths of media inside the file's folder are relative to it.

    Args:
        file: to write.
        conversation: what it will hold.
        replaces: whether a file that is there was saved or loaded by this chat.

    Raises:
        InputError: another file is there, or its folder cannot be written to.
    """
    found = kind_of(file)
    if found and not (replaces and found == "a file"):
        raise InputError(f"{file} exists ({found}); /save replaces only what this chat has saved.", "Name a new file.")
    folder = file.absolute().parent
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", "Make it, or name another file.")
    content = {
        "kind": KIND, "version": VERSION, "model": conversation.model, "system": conversation.system,
        "turns": [
            {"question": turn.question, "answer": turn.answer or "", "attempt": turn.attempt,
             "media": _media(turn.attachments, folder), **({"example": True} if turn.is_example else {})}
            for turn in conversation.turns
        ],
        "attached": _media(conversation.pending, folder),
    }  # fmt: skip
    try:
        write_json(file, content)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}.", "Name another file.") from None


def load(file: Path, attach: Attach) -> Conversation:
    """Read a conversation and its media.

    Args:
        file: that `save` wrote.
        attach: reads a medium.

    Raises:
        InputError: the file is not there or no saved conversation, or a medium cannot be read.
        MismatchError: a newer macaw wrote it, or a medium has changed since.
    """
    content = _content(file)
    folder = file.absolute().parent
    turns = [
        Turn(
            row["question"], tuple(in_training_order(_attached(row["media"], folder, attach))), row["answer"],
            row.get("attempt") or 0, bool(row.get("example")),
        )
        for row in content["turns"]
    ]
    return Conversation(content["model"], content["system"], turns, _attached(content["attached"], folder, attach))


def _content(file: Path) -> dict[str, Any]:
    try:
        with open_regular(file) as opened:
            text = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.", "Check the path.") from None
    if len(text) > MOST_BYTES:
        raise InputError(f"{file} is too large to be a saved conversation.", _HINT)
    content = parse_json(text, str(file), hint=_HINT)
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise InputError(f"{file} is no saved conversation.", _HINT)
    require_version(content.get("version"), VERSION, file)
    checked: dict[str, Any] = _FILE.checked(content, str(file), InputError)
    return checked


def _media(attachments: Sequence[Attachment], folder: Path) -> list[dict[str, str]]:
    """Soundtracks come with their videos."""
    return [
        {"path": _relative(one.path, folder), "modality": one.modality, "sha256": one.sha256}
        for one in attachments
        if not one.soundtrack
    ]


def _relative(path: str, folder: Path) -> str:
    if is_url(path):
        return path
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - keeps links as they are
    return str(absolute.relative_to(folder) if absolute.is_relative_to(folder) else absolute)


def _attached(rows: Sequence[dict[str, str]], folder: Path, attach: Attach) -> list[Attachment]:
    found: list[Attachment] = []
    for row in rows:
        place = row["path"] if is_url(row["path"]) else str(folder / row["path"])
        attachments = attach(place, row["modality"])
        if attachments[0].sha256 != row["sha256"]:
            raise MismatchError(
                f"{row['path']} has changed since the conversation was saved.",
                "Restore it from a copy, or begin a new conversation.",
            )
        found += attachments
    return found
