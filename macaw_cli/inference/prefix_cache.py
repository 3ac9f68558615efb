"""Keys and values of conversations that a server has read, so that the next turn of one costs its own tokens alone.

A client of an HTTP API sends the whole conversation with every turn. What is kept here is found again by the tokens and
media at its beginning.
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import count
from typing import Any

from macaw_cli.inference.conversation_cache import ConversationCache, common_length
from macaw_cli.inference.requests import GenerationRequest
from macaw_cli.model.fusion.instructions import reads_instructions

MOST = 128
"""Conversations that are kept: a new prompt is compared with each."""
SHORTEST = 64
"""Shared tokens that are worth reading a prompt alone: those that share nothing are read together, which is faster."""


class PrefixCache:
    """Conversations by what they begin with; those that were not used for longest are forgotten first.

    Args:
        max_bytes: of keys, values and media together.
        shortest: fewer shared tokens are read again.
        most: conversations that are kept.
    """

    def __init__(self, max_bytes: int = 2**29, shortest: int = SHORTEST, most: int = MOST) -> None:
        self.max_bytes, self.shortest, self.most = max_bytes, shortest, most
        self.bytes = 0
        """Of all that is kept."""
        self._kept: OrderedDict[int, tuple[ConversationCache, int]] = OrderedDict()
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, model: Any, request: GenerationRequest) -> ConversationCache | None:
        """A cache of what the prompt shares with the conversation that shares most; the conversation is kept.

        Args:
            model: that reads the prompt.
            request: without a cache of its own.
        """
        if not self._kept:
            return None
        answered = [*request.answered] or [False] * len(request.prompt)
        asked = answered if reads_instructions(model) else ()
        lengths = {
            number: cache.common(request.prompt, request.features, model.config, asked)
            for number, (cache, _) in self._kept.items()
        }
        best = max(lengths, key=lambda number: (lengths[number], number))
        if lengths[best] < self.shortest:
            return None
        self._kept.move_to_end(best)
        return self._kept[best][0].fork(lengths[best])

    def put(self, ids: Sequence[int], features: Any, keys_and_values: Any) -> None:
        """Keep what was read; what it continues is kept no longer.

        Args:
            ids: tokens that were read.
            features: media among them.
            keys_and_values: transformers' cache of this one row; it must not be changed any more.
        """
        cache = ConversationCache()
        cache.keep(ids, features, keys_and_values)
        size = _bytes(cache)
        if not cache.can_be_cut or size > self.max_bytes or len(ids) < self.shortest:
            return
        for number, (other, _) in list(self._kept.items()):
            if common_length(other.ids, cache.ids) == len(other.ids) and other.has_media_of(cache.features):
                self._forget(number)
        self._kept[next(self._numbers)] = cache, size
        self.bytes += size
        while self.bytes > self.max_bytes or len(self) > self.most:
            self._forget(next(iter(self._kept)))

    def _forget(self, number: int) -> None:
        _, size = self._kept.pop(number)
        self.bytes -= size


def _bytes(cache: ConversationCache) -> int:
    layers = getattr(cache.keys_and_values, "layers", ())
    parts = [part for layer in layers if layer.is_initialized for part in (layer.keys, layer.values)]
    return sum(part.nbytes for part in (*parts, *(medium for media in cache.features.values() for medium in media)))
