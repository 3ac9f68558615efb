"""From conversations with one placeholder for each medium to the tokens of one bridge.

The text of a dataset is tokenised once, whatever the bridge: bridges differ only in the number of placeholders of each
medium. What is cut at the length limit is the same for all bridges that a medium counts equally long for.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.injections.registry import placeholder_count
from macaw_cli.shards.training_rows import ConversationRow
from macaw_cli.training.data.tokenised import TokenisedConversations

Counts = dict[Modality, dict[tuple[int, ...], int]]
"""Modality to feature shape to the number of placeholders."""


def placeholder_counts(config: MacawConfig, rows: Sequence[ConversationRow]) -> Counts:
    """The placeholders of every shape of features in the rows, and of absent media where the model has them.

    Raises:
        MismatchError: the model has no bridge for a modality, or one for other channels.
        UsageError: a bridge cannot make soft tokens of a shape.
    """
    shapes = {name: {tuple(config.feature_shapes[name])} for name in config.modalities if config.null_features}
    for row in rows:
        for ref in row.media:
            shapes.setdefault(ref.modality, set()).add(ref.shape)
    return {
        name: {shape: placeholder_count(config, name, shape) for shape in sorted(shapes[name])}
        for name in MODALITIES if name in shapes
    }  # fmt: skip


def expanded(
    short: TokenisedConversations, rows: Sequence[ConversationRow], config: MacawConfig, counts: Counts,
    at_least: Mapping[str, int], max_length: int | None,
) -> TokenisedConversations:  # fmt: skip
    """The conversations with all placeholders, cut at the length limit as `ConversationEncoder` cuts them.

    Args:
        short: with one placeholder for each medium.
        rows: of the split, to which `short.numbers` point.
        config: of the model.
        counts: of these rows.
        at_least: modality to the placeholders that a medium counts as when the length is limited, if it has fewer.
        max_length: None where nothing more is cut.
    """
    repeats, counted = _repeats(short, rows, config, counts, at_least)
    reach = _within(counted, short)  # where each position ends, from the beginning of its conversation
    there = np.ones(len(repeats), bool) if max_length is None else reach - counted < max_length
    is_medium = np.isin(short.input_ids, [*config.soft_token_ids.values(), *config.null_token_ids.values()])
    lost = np.zeros(len(repeats), bool) if max_length is None else is_medium & (reach > max_length)
    supervised = short.supervised & there
    learned = supervised.copy()
    learned[short.ends - short.lengths] = False  # the first token has no predecessor
    kept = (_sums(learned, short) > 0) & (_sums(lost, short) == 0)
    mask = there & np.repeat(kept, short.lengths)
    lengths = _sums(np.where(mask, repeats, 0), short)[kept]
    left_out = len(np.unique(short.numbers)) - len(np.unique(short.numbers[kept]))
    return TokenisedConversations(
        numbers=short.numbers[kept],
        ends=np.cumsum(lengths, dtype=np.int64),
        supervised_counts=_sums(learned, short)[kept],
        media_counts=short.media_counts[kept],
        input_ids=np.repeat(short.input_ids[mask], repeats[mask]),
        supervised=np.repeat(supervised[mask], repeats[mask]),
        skipped=short.skipped + left_out,
    )


def counted_more(
    tokens: TokenisedConversations, rows: Sequence[ConversationRow], counts: Counts, at_least: Mapping[str, int]
) -> np.ndarray:
    """(n,) int64: by how many tokens each conversation counts as longer, as its media have fewer placeholders.

    Args:
        tokens: with all placeholders.
        rows: of the split, to which `tokens.numbers` point.
        counts: of these rows.
        at_least: modality to the placeholders that a medium counts as at least.
    """
    more = np.zeros(len(tokens), np.int64)
    for modality in counts.keys() & at_least.keys():
        for example, shape in _media(tokens, rows, modality):
            more[example] += max(at_least[modality] - counts[modality][shape], 0)
    return more


def _repeats(
    short: TokenisedConversations, rows: Sequence[ConversationRow], config: MacawConfig, counts: Counts,
    at_least: Mapping[str, int],
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """How often each position stands in the tokens, and as how many it counts; (tokens,) int64 both."""
    repeats = np.ones(len(short.input_ids), np.int64)
    counted = repeats.copy()
    for modality, of_shape in counts.items():
        own = [of_shape[shape] for _, shape in _media(short, rows, modality)]
        places = short.input_ids == config.soft_token_ids[modality]
        repeats[places] = own
        counted[places] = np.maximum(own, at_least.get(modality, 0))
        if config.null_features:
            absent = short.input_ids == config.null_token_ids[modality]
            repeats[absent] = counted[absent] = of_shape[tuple(config.feature_shapes[modality])]
    return repeats, counted


def _media(
    tokens: TokenisedConversations, rows: Sequence[ConversationRow], modality: Modality
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Example and feature shape of every medium of a modality, in the order in which they stand in the tokens."""
    in_each = tokens.media_counts[:, MODALITIES.index(modality)]
    for example in np.flatnonzero(in_each).tolist():
        own = [ref.shape for ref in rows[int(tokens.numbers[example])].media if ref.modality == modality]
        yield from ((example, shape) for shape in own[: int(in_each[example])])


def _within(counted: np.ndarray, tokens: TokenisedConversations) -> np.ndarray:
    """Running sums that begin anew in each conversation."""
    running: np.ndarray = np.cumsum(counted)
    before = np.concatenate([[0], running[tokens.ends[:-1] - 1]]) if len(tokens) else np.zeros(0, np.int64)
    within: np.ndarray = running - np.repeat(before, tokens.lengths)
    return within


def _sums(values: np.ndarray, tokens: TokenisedConversations) -> np.ndarray:
    """(n,) int64: the sum of each conversation's part."""
    if not len(tokens):
        return np.zeros(0, np.int64)
    sums: np.ndarray = np.add.reduceat(values.astype(np.int64), tokens.ends - tokens.lengths)
    return sums
