"""Rows that one call of the model continues: their keys and values, padded on the left, rows that join and leave.

Letters: B rows, L positions in the cache.
"""

from collections.abc import Sequence
from copy import copy
from typing import Any

import torch

from macaw_cli.inference.conversation_cache import keeps_all_positions
from macaw_cli.inference.growing_answer import GrowingAnswer
from macaw_cli.inference.roomy_layer import RoomyLayer, rows_in_place


class DecodingRows:
    """Answers with the keys and values of what was read of each.

    Args:
        answers: one per row.
        padding: positions of padding before each row.
        cache: transformers' cache of (B, heads, L, head dim) per layer.
    """

    def __init__(self, answers: Sequence[GrowingAnswer], padding: Sequence[int], cache: Any) -> None:
        self.answers, self.padding, self.cache = list(answers), list(padding), cache
        if self.can_join:
            cache.layers = [layer if isinstance(layer, RoomyLayer) else RoomyLayer.of(layer) for layer in cache.layers]

    @property
    def length(self) -> int:
        """L."""
        return int(self.cache.get_seq_length())

    @property
    def can_join(self) -> bool:
        """Whether all layers keep all positions: those of a sliding window or a state cannot be put beside others."""
        return keeps_all_positions(self.cache)

    def inputs(self, tokens: Sequence[int], device: Any) -> dict[str, Any]:
        """What the model reads next.

        Args:
            tokens: the newest of each answer.
            device: of the model.
        """
        length = self.length
        padding = torch.tensor(self.padding)[:, None]
        inputs = {
            "input_ids": torch.tensor(tokens)[:, None].to(device),
            "position_ids": (length - padding).to(device),
            "past_key_values": self.cache,
        }
        if any(self.padding):
            inputs["attention_mask"] = (torch.arange(length + 1) >= padding).long().to(device)
        return inputs

    def join(self, others: "DecodingRows") -> None:
        """Put other rows behind these; the shorter ones are padded."""
        before, after = self.length, others.length
        longest = max(before, after)
        for layer, other in zip(self.cache.layers, others.cache.layers, strict=True):
            if layer.is_initialized:
                layer.join(other)
        if hasattr(self.cache, "bound_media"):
            own, their = self.cache.bound_media, others.cache.bound_media
            self.cache.bound_media = own.after(longest - before).beside(their.after(longest - after))
        self.padding = [
            *(padding + longest - before for padding in self.padding),
            *(padding + longest - after for padding in others.padding),
        ]
        self.answers += others.answers

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all rows but these, and the padding that none of them needs.

        Args:
            rows: numbers of rows, ascending, at least one.
        """
        if len(rows) == len(self.answers):
            return
        unused = min(self.padding[row] for row in rows)
        if self.can_join:
            rows = rows_in_place(len(self.answers), rows)
            for layer in self.cache.layers:
                if layer.is_initialized:
                    layer.keep(rows, unused)
            if hasattr(self.cache, "bound_media"):
                self.cache.bound_media = self.cache.bound_media.of_rows(list(rows)).after(-unused)
        else:
            self.cache = self._of_rows(rows)
        self.answers = [self.answers[row] for row in rows]
        self.padding = [self.padding[row] - unused for row in rows]

    def read(self, row: int) -> tuple[list[int], Any]:
        """The tokens that were read of a row, and the cache of that row alone."""
        alone = len(self.answers) == 1 and all(getattr(layer, "most_rows", 0) <= 1 for layer in self.cache.layers)
        cache = self.cache if alone else self._of_rows([row])
        return self.answers[row].read[: self.length - self.padding[row]], cache

    def _of_rows(self, rows: Sequence[int]) -> Any:
        """A cache of some rows, without the padding that none of them needs; copied, so that the rest can be freed."""
        unused = min(self.padding[row] for row in rows)
        index = torch.tensor(rows)
        cache = copy(self.cache)
        cache.layers = [copy(layer) for layer in cache.layers]
        for layer in cache.layers:
            if layer.is_initialized:
                at = index.to(layer.keys.device)
                layer.keys, layer.values = layer.keys[at, :, unused:], layer.values[at, :, unused:]
        if hasattr(self.cache, "bound_media"):
            cache.bound_media = self.cache.bound_media.of_rows(list(rows)).after(-unused)
        return cache
