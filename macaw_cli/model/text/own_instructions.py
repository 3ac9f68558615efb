"""What is asked about each medium, for bridges that read the instruction in tokens of their own.

It is the user's text alone: the texts of the user turn that holds the medium, without what the template writes around
them. A processor of transformers for InstructBLIP hands the same to the Q-Former: the text that it is given.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from macaw_cli.modalities.table import MODALITIES, TABLE, Modality
from macaw_cli.model.instruction_tokenizer import instruction_tokenizer
from macaw_cli.model.text.templates import parts_of, unplaced_media

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig

OwnInstructions = Mapping[Modality, Sequence[Sequence[int]]]
"""Modality to the ids of each medium's instruction, in order of appearance."""
KEYWORDS: Mapping[Modality, str] = {name: row.instructions_keyword for name, row in TABLE.items()}
"""Modality to the model's name of them."""


def asked_about(messages: Sequence[Mapping[str, Any]], media: Sequence[Modality]) -> dict[Modality, list[str]]:
    """The user's text beside each medium, in order of appearance.

    A user turn is all that is said between two answers; messages of it stand on lines of their own. Texts with a medium
    between them are parted by a space. A medium without a position belongs to the first question.

    Args:
        messages: canonical messages.
        media: modality of each medium of the conversation.

    Raises:
        MismatchError: the messages name more positions than there are media.
    """
    turns: list[list[str]] = [[]]
    placed: dict[Modality, list[int]] = {name: [] for name in MODALITIES}
    first: int | None = None
    for message in messages:
        if message["role"] == "assistant":
            turns.append([])
            continue
        for part in parts_of(message):
            if part["type"] != "text":
                placed[part["type"]].append(len(turns) - 1)
        if message["role"] == "user":
            first = len(turns) - 1 if first is None else first
            turns[-1].append(_text(message))
    texts = ["\n".join(turn) for turn in turns]
    unplaced = unplaced_media(messages, media)
    return {
        name: [texts[turn] for turn in (*[first or 0] * unplaced.count(name), *placed[name])]
        for name in MODALITIES
        if name in media
    }


def _text(message: Mapping[str, Any]) -> str:
    runs = groupby(parts_of(message), key=lambda part: part["type"] == "text")
    return " ".join("".join(part["text"] for part in parts) for is_text, parts in runs if is_text)


def own_instructions(
    config: "MacawConfig", messages: Sequence[Mapping[str, Any]], media: Sequence[Modality]
) -> dict[Modality, list[list[int]]]:
    """The instruction of each medium whose bridge has a tokenizer of its own; empty for all other models.

    Args:
        config: of the model.
        messages: canonical messages.
        media: modality of each medium of the conversation.

    Raises:
        MismatchError: the messages name more positions than there are media.
        DamagedError: the model's file with the tokenizer describes none.
    """
    if config.instruction_tokenizers.keys().isdisjoint(media):
        return {}
    found: dict[Modality, list[list[int]]] = {}
    for name, texts in asked_about(messages, media).items():
        tokenizer = instruction_tokenizer(config, name)
        if tokenizer is not None:
            found[name] = [tokenizer.ids(text) for text in texts]
    return found


def instruction_inputs(
    found: Sequence[OwnInstructions], device: torch.device | None = None
) -> dict[str, list[Tensor]]:
    """Instructions as the model takes them.

    Args:
        found: of each row of the batch.
        device: of the model.

    Returns:
        `image_instructions` and the like: (L,) int64 per medium, row after row.
    """
    inputs: dict[str, list[Tensor]] = {}
    for row in found:
        for name, media in row.items():
            made = [torch.tensor(ids, dtype=torch.int64, device=device) for ids in media]
            inputs.setdefault(KEYWORDS[name], []).extend(made)
    return inputs
