"""The tokens of one dataset for one bridge: its text is tokenised once for all bridges, then expanded for this one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.training.data.expanding import counted_more, expanded, placeholder_counts
from macaw_cli.training.data.token_cache import cached, text_key, tokens_key
from macaw_cli.training.data.tokenised import TokenisedConversations
from macaw_cli.training.data.tokenising import kept, require_some, tokenise


@dataclass(frozen=True)
class SharedTokens:
    """The training conversations of one dataset.

    Attributes:
        tokens: with all placeholders.
        key: of the cache; equal keys, equal tokens.
        more: (n,) int64: by how many tokens each counts as longer when steps are planned.
    """

    tokens: TokenisedConversations
    key: str
    more: np.ndarray


def shared_tokens(
    dataset: TrainingDataset, encoder: ConversationEncoder, cache: Path, at_least: Mapping[str, int]
) -> SharedTokens:
    """Read the tokens from the cache, or make them of what is there.

    Args:
        dataset: the conversations.
        encoder: for the model that is trained.
        cache: folder that all runs of the workspace share.
        at_least: `training.planned_soft_tokens`.

    Raises:
        InputError: no conversation has a response token.
        MismatchError: the model has no bridge for a modality, or one for other channels.
        UsageError: a bridge cannot make soft tokens of a shape.
    """
    rows = dataset.conversations("train")
    counts = placeholder_counts(encoder.config, rows)
    text = text_key(dataset, encoder)
    key = tokens_key(text, counts, at_least)
    tokens = cached(cache, key, "train")
    if tokens is None:
        short = cached(cache, text, "train")
        if short is None:
            short = tokenise(dataset, "train", encoder.with_one_placeholder(), cache, text)
        limit = None if encoder.template == "as_published" else encoder.max_length
        made = expanded(short, rows, encoder.config, counts, at_least, limit)
        require_some(made, dataset, "train", encoder)
        tokens = kept(made, cache, key, "train")
    return SharedTokens(tokens, key, counted_more(tokens, rows, counts, at_least))
