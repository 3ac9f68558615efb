"""Where media stand in a sequence: placeholders counted, soft tokens put in their places. Pure functions.

Letters: B rows, T positions, D width, K soft tokens.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.settings import Modality


class FusedInputs(NamedTuple):
    """What the LLM reads."""

    inputs_embeds: Tensor
    """(B, T, D)"""
    attention_mask: Tensor | None
    """(B, T), or None for packed rows and rows without padding."""
    labels: Tensor | None
    """(B, T), -100 where nothing is supervised."""


def require_equal_counts(placeholders: Mapping[Modality, int], soft_tokens: Mapping[Modality, int]) -> None:
    """Check that every placeholder gets a soft token and the other way round.

    Args:
        placeholders: modality to the number of placeholder ids in `input_ids`.
        soft_tokens: modality to the number of soft tokens made of the features; an absent modality has none.

    Raises:
        MismatchError: they differ; the message has both numbers per modality.
    """
    wrong = [
        f"{name}: {placeholders.get(name, 0)} placeholders in input_ids, {soft_tokens.get(name, 0)} soft tokens made"
        for name in sorted({*placeholders, *soft_tokens})
        if placeholders.get(name, 0) != soft_tokens.get(name, 0)
    ]
    if wrong:
        raise MismatchError(
            f"The media do not fit the text ({'; '.join(wrong)}).",
            "Make input_ids and features of the same media, with MacawProcessor or ConversationEncoder.",
        )


def place_soft_tokens(embeds: Tensor, places: Tensor, soft_tokens: Tensor) -> Tensor:
    """Replace the embeddings at `places` by soft tokens; neither this nor its backward pass waits for a GPU.

    Args:
        embeds: (B, T, D).
        places: (K,) int64, counted over all rows behind one another, each once.
        soft_tokens: (K, D).

    Returns:
        (B, T, D), in the dtype of `embeds`.
    """
    return embeds.flatten(0, 1).index_copy(0, places, soft_tokens.to(embeds.dtype)).view_as(embeds)


def insert_after_first(
    input_ids: Tensor, attention_mask: Tensor | None, labels: Tensor | None, block: Tensor
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Insert one block of ids after the first position of every row, as the published code does.

    The mask gets ones and the labels get -100 in front; as the first label is -100 itself, that is the same as
    inserting them after the first position.

    Args:
        input_ids: (B, T).
        attention_mask: (B, T) or None.
        labels: (B, T) or None.
        block: (S,) ids.

    Returns:
        ids, mask and labels, each (B, T + S).
    """
    rows = len(input_ids)
    ids = torch.cat([input_ids[:, :1], block.expand(rows, -1), input_ids[:, 1:]], dim=1)
    if attention_mask is not None:
        attention_mask = torch.cat([attention_mask.new_ones(rows, len(block)), attention_mask], dim=1)
    if labels is not None:
        labels = torch.cat([labels.new_full((rows, len(block)), -100), labels], dim=1)
    return ids, attention_mask, labels
