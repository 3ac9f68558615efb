"""Conversations as pieces: text, places of media, and which text is supervised. The Alpaca template. Pure; no ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.modalities.table import MODALITIES, Modality

TemplateName = Literal["alpaca", "chat", "plain", "as_published"]

PREAMBLE = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
PREAMBLE_WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request."
)
INSTRUCTION, INPUT, RESPONSE = "\n\n### Instruction:\n", "\n\n### Input:\n", "\n\n### Response:"
AFTER_RESPONSE_HEADING = "\n"
INPUT_MARK = "\n\n"
"""A text part that begins with this and follows another text part is the instruction's input."""


@dataclass(frozen=True)
class Piece:
    """Some text, or the place of one medium."""

    text: str = ""
    modality: Modality | None = None
    supervised: bool = False
    """Whether the model learns to write this text."""
    ends: bool = False
    """Whether the tokenizer's end token follows, supervised as well."""
    controls: tuple[tuple[int, int], ...] = ()
    """Where the template wrote control tokens into the text; all others that are spelled in it are text."""
    answer: int | None = None
    """Which message a chat template's supervised piece answers with."""


def alpaca_prompt(instruction: str, context: str = "") -> str:
    """The Stanford-Alpaca prompt, with an input where there is one; it ends with the colon after `Response`."""
    if context:
        return f"{PREAMBLE_WITH_INPUT}{INSTRUCTION}{instruction}{INPUT}{context}{RESPONSE}"
    return f"{PREAMBLE}{INSTRUCTION}{instruction}{RESPONSE}"


def alpaca_pieces(messages: Sequence[Mapping[str, Any]], unplaced: Sequence[Modality]) -> list[Piece]:
    """A conversation in the Alpaca template; later turns repeat the headings, a system message replaces the preamble.

    Args:
        messages: canonical messages; the last one may be the assistant's.
        unplaced: media without a position of their own; they come first of all, as published.
    """
    pieces = [Piece(modality=name) for name in unplaced]
    system = "".join(text_of(message) for message in messages if message["role"] == "system")
    for number, message in enumerate(message for message in messages if message["role"] != "system"):
        parts = parts_of(message)
        if message["role"] == "assistant":
            pieces += [Piece(AFTER_RESPONSE_HEADING), Piece(text_of(message), supervised=True, ends=True)]
            continue
        context = [Piece(INPUT + parts.pop()["text"].removeprefix(INPUT_MARK))] if _has_input(parts) else []
        opening = (system or (PREAMBLE_WITH_INPUT if context else PREAMBLE)) if number == 0 else ""
        pieces.append(Piece(opening + INSTRUCTION))
        pieces += [Piece(part["text"]) if part["type"] == "text" else Piece(modality=part["type"]) for part in parts]
        pieces += [*context, Piece(RESPONSE)]
    if messages[-1]["role"] != "assistant":
        pieces.append(Piece(AFTER_RESPONSE_HEADING))
    return pieces


def parts_of(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A message's content as a list of parts, whichever way it is given.

    Raises:
        InputError: a part that is neither text nor a medium.
    """
    content = message["content"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
    for part in parts:
        if part.get("type") not in ("text", *MODALITIES):
            kinds = ", ".join(("text", *MODALITIES))
            raise InputError(f"A message has a part of type {part.get('type')!r}.", f"The types are {kinds}.")
    return parts


def text_of(message: Mapping[str, Any]) -> str:
    """The text of a message, its parts joined."""
    return "".join(part["text"] for part in parts_of(message) if part["type"] == "text")


def instruction_and_input(message: Mapping[str, Any]) -> tuple[str, str]:
    """A user message's text, and its input where it has one (else empty)."""
    parts = parts_of(message)
    context = parts.pop()["text"].removeprefix(INPUT_MARK) if _has_input(parts) else ""
    return "".join(part["text"] for part in parts if part["type"] == "text"), context


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    """The same pieces with neighbouring unsupervised texts in one, so that they are tokenised as one text."""
    merged: list[Piece] = []
    for piece in pieces:
        if merged and _plain(piece) and _plain(merged[-1]):
            length = len(merged[-1].text)
            moved = tuple((start + length, end + length) for start, end in piece.controls)
            merged[-1] = Piece(merged[-1].text + piece.text, controls=merged[-1].controls + moved)
        else:
            merged.append(piece)
    return merged


def unplaced_media(messages: Sequence[Mapping[str, Any]], media: Sequence[Modality]) -> list[Modality]:
    """Media for which no part names a position, in the order image, audio, video.

    Of several media of one modality the last ones are those with a position, so that media appear in the sequence
    in the order in which they are listed.

    Raises:
        MismatchError: the messages name more positions than there are media.
    """
    unplaced: list[Modality] = []
    for name in MODALITIES:
        listed = sum(modality == name for modality in media)
        placed = sum(part["type"] == name for message in messages for part in parts_of(message))
        if placed > listed:
            raise MismatchError(
                f"The messages name {placed} positions for {name}, but {listed} {name} media were given.",
                f"Give the media, or remove the {name} parts from the messages.",
            )
        unplaced += [name] * (listed - placed)
    return unplaced


def media_before(later: Sequence[Mapping[str, Any]], names: Sequence[Modality]) -> list[int]:
    """Which of the media are left when the messages in `later` have not come yet: those with a position come last."""
    kept = []
    for name in MODALITIES:
        places = [at for at, found in enumerate(names) if found == name]
        placed = sum(part["type"] == name for message in later for part in parts_of(message))
        kept += places[: len(places) - placed]
    return sorted(kept)


def _plain(piece: Piece) -> bool:
    return piece.modality is None and not piece.supervised


def _has_input(parts: list[dict[str, Any]]) -> bool:
    """Whether the last part is an input: `dataset/formats/alpaca.py` writes it so."""
    two_texts = len(parts) > 1 and parts[-2]["type"] == parts[-1]["type"] == "text"
    return two_texts and bool(parts[-1]["text"].startswith(INPUT_MARK))
