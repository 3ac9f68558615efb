"""Keys and values of a conversation's earlier turns, so that a new turn costs its own tokens alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from macaw_cli.inference.features import Features
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

    def shared_with(self, prompt: Sequence[int], features: Features, config: MacawConfig) -> int:
        """How many tokens at the beginning of the prompt are in the cache, which is cut to them.

        At least the prompt's last token is left to compute. Nothing is shared where the prompt has other media, where a
        medium would have to be cut off, or where the cache cannot be cut.
        """
        shared = 0
        for cached, asked in zip(self.ids, prompt[:-1], strict=False):
            if cached != asked:
                break
            shared += 1
        cuts_media = any(identity >= config.vocabulary_size for identity in self.ids[shared:])
        unusable = not shared or cuts_media or config.null_features or not self._has_media_of(features)
        if unusable or not self._cut(shared):
            self.forget()
            return 0
        self.ids = self.ids[:shared]
        return shared

    def _has_media_of(self, features: Features) -> bool:
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
        layers = getattr(self.keys_and_values, "layers", [])
        if not layers or any(type(layer).__name__ != "DynamicLayer" for layer in layers):
            return False  # a sliding window or a state has lost what stood before
        self.keys_and_values.crop(length - len(self.ids))  # a negative number: so many tokens are removed
        return True

    def later(self, features: Features) -> dict[str, list[Tensor]]:
        """The media of the prompt that are not in the cache."""
        return {name: list(media)[len(self.features.get(name, ())) :] for name, media in features.items()}
