"""The media that an injection shows to the LLM's layers, and which position may see which of them.

Letters: B rows, T positions, S soft tokens of all media, D hidden size.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Self

import torch
from torch import Tensor

from macaw_cli.basics.errors import MismatchError
from macaw_cli.modalities.table import Modality
from macaw_cli.model.device_copies import on_device
from macaw_cli.model.packing.row_layout import Run

NO_END = 2**62
"""End of an example that goes on, as in generation."""
_NOTHING = -1
_FILLER = -2


@dataclass(frozen=True)
class BoundMedia:
    """The soft tokens of a batch and where each medium stands; in the order of their places.

    Without media there is one token of zeros that no position sees: every rank has to run every module in every step.
    """

    tokens: Tensor
    """(S, D)"""
    medium: Tensor
    """(S,) int64: the number of each token's medium."""
    rows: Tensor
    """(media,) int64: the row of each medium."""
    places: Tensor
    """(media,) int64: the position of each medium in its row."""
    ends: Tensor
    """(media,) int64: where in its row the medium's example ends."""
    lengths: Tensor
    """(media,) int64: the positions that each medium takes: one, or as many as it has soft tokens."""
    batch: int
    """B."""
    reach: int = 0
    """No medium takes a position from here on, in any row; known without waiting for a GPU."""
    counts: tuple[int, ...] = ()
    """Soft tokens of each medium; known without waiting for a GPU."""
    made: dict[str, Tensor] = field(default_factory=dict, compare=False, repr=False)
    """See `once`."""

    def latest(self, rows: int, length: int, offset: int) -> Tensor:
        """(rows, length): for each position the number of the last medium of its example up to there, or -1.

        Args:
            rows: a multiple of `batch`, where each prompt is continued several times.
            length: of the rows that are computed now.
            offset: positions before them, in the cache.
        """
        device = self.tokens.device
        row = (torch.arange(rows, device=device) // max(rows // self.batch, 1))[:, None, None]
        place = torch.arange(offset, offset + length, device=device)[None, :, None]
        seen = (self.rows == row) & (self.places <= place) & (place < self.ends)
        if not len(self.rows):
            return seen.new_full((rows, length), _NOTHING, dtype=torch.long)
        return torch.where(seen, torch.arange(len(self.rows), device=device), _NOTHING).amax(dim=-1)

    def soft_tokens_at(self, rows: int, length: int, offset: int) -> Tensor:
        """(rows, length): the row of `tokens` that stands at each position, or -1; arguments as in `latest`.

        Of a medium that takes one position, it is the first of its soft tokens.
        """
        latest = self.latest(rows, length, offset)
        if not len(self.rows):
            return latest
        begins = torch.searchsorted(self.medium, torch.arange(len(self.rows), device=latest.device))
        medium = latest.clamp(min=0)
        within = torch.arange(offset, offset + length, device=latest.device) - self.places[medium]
        return torch.where((latest >= 0) & (within < self.lengths[medium]), begins[medium] + within, _NOTHING)

    def groups(self, distance: int) -> Tensor:
        """(media,): numbers that media share which stand directly behind one another in an example.

        Args:
            distance: positions from the end of a medium to the next one where no text stands between them, at the most.
        """
        same = (self.rows[1:] == self.rows[:-1]) & (self.ends[1:] == self.ends[:-1])
        between = self.places[1:] - self.places[:-1] - self.lengths[:-1]
        together = same & (between <= distance)
        return torch.cat([together.new_zeros(min(len(self.rows), 1)), ~together]).cumsum(dim=0)

    def after(self, offset: int) -> Self:
        """A copy of these media for a batch where their rows stand behind `offset` positions; fewer, where negative."""
        if not offset:
            return self
        ends = torch.where(self.ends == NO_END, NO_END, self.ends + offset)
        return replace(self, places=self.places + offset, ends=ends, reach=self.reach + offset)

    def once(self, name: str, make: Callable[[], Tensor]) -> Tensor:
        """What an injection makes of these media; where no gradients are needed, decode steps make it once together.

        Args:
            name: of what is made.
            make: makes it.
        """
        if torch.is_grad_enabled():
            return make()
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]

    def followed_by(self, later: Self) -> Self:
        """These media and later ones of the same rows.

        Raises:
            MismatchError: each prompt was continued several times, so the rows are no longer the same.
        """
        if not len(self.rows) or not len(later.rows):
            return later if len(later.rows) else self
        if self.batch != later.batch:
            raise MismatchError(
                f"The cache holds media of {self.batch} prompts, but media of {later.batch} rows follow it.",
                "Go on with one row per prompt, or read every conversation without the cache.",
            )
        return replace(
            self,
            tokens=torch.cat([self.tokens, later.tokens]),
            medium=torch.cat([self.medium, later.medium + len(self.rows)]),
            rows=torch.cat([self.rows, later.rows]),
            places=torch.cat([self.places, later.places]),
            ends=torch.cat([self.ends, later.ends]),
            lengths=torch.cat([self.lengths, later.lengths]),
            reach=max(self.reach, later.reach),
            counts=self.counts + later.counts,
            made={},
        )

    def beside(self, others: Self) -> Self:
        """These media and those of other rows, which come behind these rows."""
        others = replace(others, rows=others.rows + self.batch, batch=self.batch + others.batch, made={})
        if not len(others.rows):
            return replace(self, batch=others.batch, made={})
        if not len(self.rows):
            return others
        return replace(self, batch=others.batch).followed_by(others)

    def of_rows(self, kept: Sequence[int]) -> Self:
        """The media of some rows, which become all rows there are.

        Args:
            kept: numbers of rows, ascending; each prompt is continued once.
        """
        number = {row: place for place, row in enumerate(kept)}
        rows = self.rows.tolist()
        chosen = [medium for medium, row in enumerate(rows) if row in number]
        counts = tuple(self.counts[medium] for medium in chosen)
        if not chosen:
            tokens, medium = self.tokens.new_zeros(1, self.tokens.shape[-1]), [_FILLER]
        else:
            index = on_device(chosen, self.tokens.device)
            tokens = self.tokens[torch.isin(self.medium, index)]
            medium = [place for place, count in enumerate(counts) for _ in range(count)]
        media = on_device(chosen, self.rows.device)
        return replace(
            self,
            tokens=tokens,
            medium=on_device(medium, self.medium.device),
            rows=on_device([number[rows[one]] for one in chosen], self.rows.device),
            places=self.places[media],
            ends=self.ends[media],
            lengths=self.lengths[media],
            batch=len(kept),
            counts=counts,
            made={},
        )


def bound_media(
    soft: Mapping[Modality, Tensor], counts: Mapping[Modality, Sequence[int]], runs: Mapping[Modality, Sequence[Run]],
    borders: Sequence[int] | None, shape: tuple[int, int],
) -> BoundMedia:  # fmt: skip
    """The media of one forward pass.

    Args:
        soft: (K, D) soft tokens per modality, medium after medium; 0 of an absent modality.
        counts: soft tokens of each medium.
        runs: where each medium stands.
        borders: where packed examples begin and the last one ends, counted over all rows; None for one example per
            row, which may go on.
        shape: B, T.
    """
    length = shape[1]
    found = []
    for name, some in runs.items():
        begins = accumulate(counts.get(name, ()), initial=0)
        for run, begin, count in zip(some, begins, counts.get(name, ()), strict=False):
            found.append((run.place, name, begin, count, run.length))
    found.sort()
    like = next(iter(soft.values()))
    nothing = sum(tokens.sum() for tokens in soft.values()) * 0  # every bridge gets a gradient, if only zero
    if not found:
        tokens, medium = like.new_zeros(1, like.shape[-1]) + nothing, [_FILLER]
    else:
        tokens = torch.cat([soft[name][begin : begin + count] for _, name, begin, count, _ in found]) + nothing
        medium = [number for number, (*_, count, _) in enumerate(found) for _ in range(count)]
    ends = [NO_END if borders is None else _end(place, borders) - place // length * length for place, *_ in found]
    device = like.device
    return BoundMedia(
        tokens, on_device(medium, device), on_device([place // length for place, *_ in found], device),
        on_device([place % length for place, *_ in found], device), on_device(ends, device),
        on_device([taken for *_, taken in found], device), shape[0],
        reach=max((place % length + taken for place, *_, taken in found), default=0),
        counts=tuple(count for *_, count, _ in found),
    )  # fmt: skip


def _end(place: int, borders: Sequence[int]) -> int:
    """Where the example at this place ends."""
    return next(border for border in borders if border > place)
