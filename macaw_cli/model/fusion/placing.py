"""Where media stand in a sequence: placeholders counted, soft tokens put in their places. Pure functions.

Letters: B rows, T positions, D hidden size, K soft tokens.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import MismatchError
from macaw_cli.modalities.table import Modality
from macaw_cli.model.injections.bound_media import BoundMedia
from macaw_cli.model.packing.row_layout import Run

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig


class FusedInputs(NamedTuple):
    """What the LLM reads."""

    inputs_embeds: Tensor
    """(B, T, D)"""
    attention_mask: Tensor | None
    """(B, T), or None for packed rows and rows without padding."""
    labels: Tensor | None
    """(B, T), -100 where nothing is supervised."""
    media: BoundMedia | None = None
    """What an injection shows to the LLM's layers, where the model has one."""


def require_matching_media(runs: Mapping[Modality, Sequence[Run]], made: Mapping[Modality, Sequence[int]]) -> None:
    """Check that every medium gets exactly the placeholders that stand for it, medium by medium and in their order.

    Args:
        runs: of placeholder ids in `input_ids`, per modality and in order; the begin and end tokens of the modalities
            separate those of neighbouring media.
        made: number of soft tokens made of each medium, per modality and in order.

    Raises:
        MismatchError: they differ; the message names the first medium that does not fit, with both numbers.
    """
    wrong = [
        f"{name}: {problem}"
        for name in made
        if (problem := _first_difference([run.length for run in runs.get(name, ())], made[name]))
    ]
    if wrong:
        raise MismatchError(
            f"The media do not fit the text ({'; '.join(wrong)}).",
            "Make input_ids and features from the same media, in the same order, with MacawProcessor or "
            "ConversationEncoder.",
        )


def separated(
    runs: Mapping[Modality, Sequence[Run]], made: Mapping[Modality, Sequence[int]]
) -> dict[Modality, list[Run]]:
    """Runs of placeholders cut where one medium ends and the next one begins, for media with no tokens around them.

    Args:
        runs: per modality and in order; one may hold several media that stand side by side.
        made: number of soft tokens made of each medium, per modality and in order.

    Returns:
        One run per medium where the numbers fit; a run that no media fill exactly stays as it is.
    """
    cut: dict[Modality, list[Run]] = {}
    for name, found in runs.items():
        waiting, cut[name] = list(made.get(name, ())), []
        for run in found:
            totals = [0, *accumulate(waiting)]
            media = totals.index(run.length) if run.length in totals else 1
            ends = totals[: media + 1] if totals[media : media + 1] == [run.length] else [0, run.length]
            cut[name] += [Run(run.place + begin, end - begin) for begin, end in pairwise(ends)]
            waiting = waiting[media:]
    return cut


def _first_difference(placeholders: Sequence[int], made: Sequence[int]) -> str | None:
    """What does not fit; None where everything does."""
    if len(placeholders) != len(made):
        there = f"{sum(placeholders)} placeholders for {len(placeholders)} media in input_ids"
        return f"{there}, {sum(made)} soft tokens made from {len(made)} media"
    pairs = enumerate(zip(placeholders, made, strict=True), start=1)
    wrong = [
        f"medium {number} has {places} placeholders in input_ids, {tokens} soft tokens were made from it"
        for number, (places, tokens) in pairs
        if places != tokens
    ]
    return next(iter(wrong), None)


def require_promised_tokens(
    config: "MacawConfig", modality: Modality, soft_tokens: Tensor, made: Sequence[int]
) -> None:
    """Refuse what a bridge has returned where it is not as many soft tokens as its `soft_tokens` says.

    Args:
        config: of the model.
        modality: of the bridge.
        soft_tokens: what it returned; (K, D) is right, K the sum of `made` and D the LLM's embedding size.
        made: number of soft tokens of each medium, in order.

    Raises:
        MismatchError: with both shapes.
    """
    promised, found = (sum(made), config.embedding_size), tuple(soft_tokens.shape)
    if found != promised:
        name = config.bridge_settings(modality).name
        raise MismatchError(
            f"The {modality} bridge {name} returned soft tokens of shape {found} for "
            f"{counted(len(made), 'medium', 'media')}, but its soft_tokens() and the LLM's embedding size make "
            f"{promised}.",
            "Correct `forward` or `soft_tokens` of this bridge.",
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
