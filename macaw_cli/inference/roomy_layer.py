"""Keys and values with room behind them, so that a new token is written beside the others and does not copy them.

transformers' `DynamicLayer` concatenates: every token copies the keys and values of all rows. With 32 rows that is as
much memory traffic as the weights of a small LLM.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from transformers.cache_utils import DynamicLayer

SPARE_POSITIONS = 64
"""Least room for new positions; longer rows get a quarter of their length."""


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """A `DynamicLayer` that writes in place where it has room, and moves into a larger room where it has not.

    `keys` and `values` (B, heads, L, head dim) are views into the room. Whoever sets them to something else, as
    `crop` does, may do so: the next update moves into a new room. A copy of a layer has no room either, so that what
    shares its memory never sees a change.
    """

    keys: Tensor
    values: Tensor

    def __init__(self) -> None:
        super().__init__()
        self._leave()

    @classmethod
    def of(cls, layer: DynamicLayer) -> "RoomyLayer":
        """The same keys and values, which are copied at the first update."""
        roomy = cls()
        roomy.__dict__.update({**layer.__dict__, **roomy._without_room()})
        return roomy

    def __copy__(self) -> "RoomyLayer":
        return RoomyLayer.of(self)

    @property
    def most_rows(self) -> int:
        """Rows that the room has place for; 0 without a room."""
        return self._key_room.shape[0] if self._owns_view else 0

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Put new positions behind the others.

        Args:
            key_states: (B, heads, new positions, head dim).
            value_states: likewise, maybe with another head dim.
            *args: what other layers need.
            **kwargs: likewise.
        """
        if not self.is_initialized or not self.keys.numel():
            whole: tuple[Tensor, Tensor] = super().update(key_states, value_states, *args, **kwargs)
            return whole
        new = key_states.shape[2]
        if not self._owns_view or self._end + new > self._key_room.shape[2]:
            self._move(rows=self.keys.shape[0], spare=max(SPARE_POSITIONS, self.keys.shape[2] // 4, new))
        rows, end = self.keys.shape[0], self._end + new
        self._key_room[:rows, :, self._end : end] = key_states
        self._value_room[:rows, :, self._end : end] = value_states
        self._show(rows, self._begin, end)
        return self.keys, self.values

    def join(self, other: DynamicLayer) -> None:
        """Put the rows of another layer behind these; whichever are shorter get zeros before them."""
        rows, length = self.keys.shape[0], self.keys.shape[2]
        more, longest = other.keys.shape[0], max(length, other.keys.shape[2])
        if self.most_rows < rows + more or self._end < longest:
            spare = max(SPARE_POSITIONS, longest // 4)
            self._move(rows=max(rows + more, self.most_rows * 3 // 2), spare=spare, before=longest - length)
        self._show(rows + more, self._end - longest, self._end)
        for whole, part, own in ((self.keys, other.keys, length), (self.values, other.values, length)):
            whole[:rows, :, : longest - own] = 0
            whole[rows:, :, : longest - part.shape[2]] = 0
            whole[rows:, :, longest - part.shape[2] :] = part

    def keep(self, rows: Sequence[int], unused: int) -> None:
        """Keep these rows, in this order, without the first positions.

        Args:
            rows: as `rows_in_place` gives them.
            unused: positions that none of them needs.
        """
        if self.most_rows < self.keys.shape[0]:
            self._move(rows=self.keys.shape[0], spare=SPARE_POSITIONS)
        for place, row in enumerate(rows):
            if place != row:
                self.keys[place, :, unused:] = self.keys[row, :, unused:]
                self.values[place, :, unused:] = self.values[row, :, unused:]
        self._show(len(rows), self._begin + unused, self._end)

    @property
    def _owns_view(self) -> bool:
        """Whether keys and values are still those of the room."""
        return self._shown is not None and self.keys is self._shown[0] and self.values is self._shown[1]

    def _move(self, rows: int, spare: int, before: int = 0) -> None:
        """Copy keys and values into a new room, with this many rows, and spare positions behind and before them."""
        kept, length = self.keys.shape[0], self.keys.shape[2]
        rooms: list[Tensor] = []
        for old in (self.keys, self.values):
            room = old.new_zeros((rows, old.shape[1], before + length + spare, old.shape[3]))
            room[:kept, :, before : before + length] = old
            rooms.append(room)
        self._key_room, self._value_room = rooms
        self._show(kept, before, before + length)

    def _show(self, rows: int, begin: int, end: int) -> None:
        self._begin, self._end = begin, end
        self.keys = self._key_room[:rows, :, begin:end]
        self.values = self._value_room[:rows, :, begin:end]
        self._shown = self.keys, self.values

    def _leave(self) -> None:
        self.__dict__.update(self._without_room())

    @staticmethod
    def _without_room() -> dict[str, Any]:
        return {"_key_room": None, "_value_room": None, "_shown": None, "_begin": 0, "_end": 0}


def rows_in_place(count: int, kept: Sequence[int]) -> list[int]:
    """The order in which kept rows are moved least: the last ones go to the places of those that leave.

    Args:
        count: rows there are.
        kept: numbers of those that stay, ascending.
    """
    stays = set(kept)
    late = [row for row in kept if row >= len(kept)]
    return [row if row in stays else late.pop() for row in range(min(count, len(kept)))]
