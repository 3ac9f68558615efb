"""Keys and values of a conversation's earlier turns, so that a new turn costs its own tokens alone."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers.cache_utils import DynamicLayer

from macaw_cli.inference.features import Features
from macaw_cli.inference.roomy_layer import RoomyLayer
from macaw_cli.model.configuration import MacawConfig


@dataclass
class ConversationCache:
    """What the model has read of a conversation; made empty, filled by the engine."""

    ids: list[int] = field(default_factory=list)
    """Tokens whose keys and values are in the cache."""
    features: dict[str, list[Tensor]] = field(default_factory=dict)
    """Media among them."""
    keys_and_values: Any = None
    """transformers' cache; None where nothing was read."""

    def keep(self, ids: Sequence[int], features: Features, keys_and_values: Any) -> None:
        """Remember what the model has read."""
        self.ids, self.keys_and_values = list(ids), keys_and_values
        self.features = {name: list(media) for name, media in features.items()}

    def forget(self) -> None:
        """Nothing was read."""
        self.ids, self.features, self.keys_and_values = [], {}, None

    def shared_with(
        self, prompt: Sequence[int], features: Features, config: MacawConfig, answered: Sequence[bool] = ()
    ) -> int:
        """How many tokens at the beginning of the prompt are in the cache, which is cut to them.

        Arguments as in `common`. Nothing is shared where the cache cannot be cut.
        """
        shared = self.common(prompt, features, config, answered)
        if not shared or not self._cut(shared):
            self.forget()
            return 0
        self.ids = self.ids[:shared]
        return shared

    def common(
        self, prompt: Sequence[int], features: Features, config: MacawConfig, answered: Sequence[bool] = ()
    ) -> int:
        """How many tokens at the beginning of the prompt are in the cache.

        At least the prompt's last token is left to compute. Nothing is shared where the prompt has other media, or
        where a medium would have to be cut off.

        Args:
            prompt: token ids.
            features: media of the prompt.
            config: of the model.
            answered: where answers of earlier turns stand in the prompt; for a model that makes other soft tokens of a
                medium where the question beside it is another, so that a question is shared whole or not at all.
        """
        shared = common_length(self.ids, prompt[:-1])
        if not shared:
            return 0
        if answered:
            begin = turn_begin(answered)
            shared = min(shared, begin)
            if shared < begin and not answered[shared]:
                return 0
        cuts_media = max(self.ids[shared:], default=0) >= config.vocabulary_size
        return 0 if cuts_media or config.null_features or not self.has_media_of(features) else shared

    def fork(self, length: int) -> "ConversationCache":
        """A cache of the first tokens, which share their memory with this one; media must all be among them."""
        cache = copy(self.keys_and_values)
        cache.layers = [copy(layer) for layer in cache.layers]
        for layer in cache.layers:
            if layer.is_initialized:  # a copied layer makes new tensors where it grows, and changes none
                layer.keys, layer.values = layer.keys[:, :, :length], layer.values[:, :, :length]
        return ConversationCache(self.ids[:length], dict(self.features), cache)

    @property
    def can_be_cut(self) -> bool:
        """Whether all layers keep all positions, unlike those of a sliding window or a state."""
        return keeps_all_positions(self.keys_and_values)

    def has_media_of(self, features: Features) -> bool:
        """Whether the cached media are the first of the prompt's; the prompt's others come later."""
        return all(
            len(media) <= len(features.get(name, ()))
            and all(one.shape == other.shape and torch.equal(one, other) for one, other in zip(media, features[name]))  # noqa: B905 - the prompt may have more
            for name, media in self.features.items()
            if media
        )

    def _cut(self, length: int) -> bool:
        """Cut the cache to its first positions, where all its layers can be cut exactly."""
        if self.keys_and_values is None or self.keys_and_values.get_seq_length() != len(self.ids):
            return False  # a call of the model was broken off
        if length == len(self.ids):
            return True
        if not self.can_be_cut:
            return False
        self.keys_and_values.crop(length - len(self.ids))  # a negative number: so many tokens are removed
        return True

    def later(self, features: Features) -> dict[str, list[Tensor]]:
        """The media of the prompt that are not in the cache."""
        return {name: list(media)[len(self.features.get(name, ())) :] for name, media in features.items()}


def keeps_all_positions(keys_and_values: Any) -> bool:
    """Whether every layer of a cache of transformers keeps the keys and values of every position."""
    layers = getattr(keys_and_values, "layers", ())
    return bool(layers) and all(type(layer) in (DynamicLayer, RoomyLayer) for layer in layers)


def common_length(first: Sequence[int], second: Sequence[int]) -> int:
    """Tokens at the beginning that are the same."""
    length = min(len(first), len(second))
    differs = np.array(first[:length]) != np.array(second[:length])
    return int(differs.argmax()) if differs.any() else length


def turn_begin(answered: Sequence[bool]) -> int:
    """Where the last turn of a prompt begins: behind the last answer."""
    return max((place + 1 for place, is_answer in enumerate(answered) if is_answer), default=0)
