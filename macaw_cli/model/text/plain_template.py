"""The plain template: media, then their caption, with nothing around them. Pure; no ids.

Source: LLaVA (arXiv 2304.08485, section 4.2, stage 1), whose published code calls it `plain`: `<image>caption` and a
line end, with the loss on the caption and the line end.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from macaw_cli.modalities.table import Modality
from macaw_cli.model.text.templates import Piece, parts_of, text_of

PLAIN_END = "\n"
"""Ends an answer; a token of its own, so that a model that has learned it can be stopped there."""


def plain_pieces(messages: Sequence[Mapping[str, Any]], unplaced: Sequence[Modality]) -> list[Piece]:
    """A conversation in the plain template.

    The first question only asks for the caption, so it is left out where there are media, and so is a system message.
    Later questions, and those of a conversation without media, stand on lines of their own.

    Args:
        messages: canonical messages; the last one may be the assistant's.
        unplaced: media without a position of their own; they come first of all.
    """
    pieces = [Piece(modality=name) for name in unplaced]
    turns = [message for message in messages if message["role"] != "system"]
    has_media = bool(unplaced) or any(part["type"] != "text" for message in turns for part in parts_of(message))
    for number, message in enumerate(turns):
        if message["role"] == "assistant":
            pieces += [Piece(text_of(message), supervised=True), Piece(PLAIN_END, supervised=True)]
            continue
        pieces += [Piece(modality=part["type"]) for part in parts_of(message) if part["type"] != "text"]
        if number or not has_media:
            pieces.append(Piece(text_of(message) + PLAIN_END))
    return pieces
