"""How many conversations of each source and kind are used: shares, quotas, and sizes that follow from each other."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from macaw_cli.basics.console import say
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.shown_text import shown
from macaw_cli.config.settings import DatasetSettings
from macaw_cli.dataset.reading import COLUMNS, Reading
from macaw_cli.dataset.scratch.columns import DTYPES, read_column, write_column
from macaw_cli.dataset.source_specs import Source


def mix(reading: Reading, folder: Path, sources: Sequence[Source], settings: DatasetSettings) -> None:
    """Drop from the columns what the mix does not take; these conversations are no rejects.

    Args:
        reading: what was read.
        folder: of the columns.
        sources: some with a share (`#N%`).
        settings: `kinds` and `mix`.

    Raises:
        InputError: a quota is for a kind that no conversation has.
    """
    shares = [source.share for source in sources]
    if settings.mix == "all" and not settings.kinds and not any(shares):
        return
    for kind in settings.kinds:
        if kind not in reading.kinds:
            known = ", ".join(filter(None, reading.kinds)) or "none"
            raise InputError(f"dataset.kinds has {shown(kind)}, which no conversation has.", f"Kinds: {known}.")
    of, kinds, draws = (read_column(folder, name, DTYPES[COLUMNS[name]]) for name in ("source", "kind", "draw"))
    kept = within_shares(of, draws, shares)
    kept = within_quotas(kinds, draws, kept, {reading.kinds[kind]: most for kind, most in settings.kinds.items()})
    kept = in_proportion(of, draws, kept, settings.mix)
    say(f"The mix takes {int(kept.sum()):,} of {len(kept):,} conversations.")
    for name, kind in COLUMNS.items():
        write_column(folder, name, [read_column(folder, name, DTYPES[kind])[kept]])


def within_shares(of: np.ndarray, draws: np.ndarray, shares: Sequence[float | None]) -> np.ndarray:
    """Which conversations are used, so that each source gives its share.

    Args:
        of: (n,) number of the source of each conversation.
        draws: (n,) its random number; those with the smallest ones are used.
        shares: of each source, between 0 and 1; None is all.

    Returns:
        (n,) bool.
    """
    kept = np.ones(len(of), bool)
    for number, share in enumerate(shares):
        if share is not None:
            mine = np.flatnonzero(of == number)
            _keep_smallest(kept, mine, draws, round(share * len(mine)))
    return kept


def within_quotas(
    kinds: np.ndarray, draws: np.ndarray, kept: np.ndarray, quotas: Mapping[int, int]
) -> np.ndarray:
    """Which of the `kept` conversations are used, so that no kind has more than its quota.

    Args:
        kinds: (n,) number of the kind of each conversation.
        draws: (n,) its random number; those with the smallest ones are used.
        kept: (n,) bool.
        quotas: number of a kind to the largest number of its conversations.
    """
    kept = kept.copy()
    for number, most in quotas.items():
        _keep_smallest(kept, np.flatnonzero(kept & (kinds == number)), draws, most)
    return kept


def in_proportion(of: np.ndarray, draws: np.ndarray, kept: np.ndarray, how: str) -> np.ndarray:
    """Which of the `kept` conversations are used, so that sources have sizes that follow from each other.

    Args:
        of: (n,) number of the source of each conversation.
        draws: (n,) its random number; those with the smallest ones are used.
        kept: (n,) bool.
        how: `equal`: every source has as many as the smallest one. `sqrt`: sizes are proportional to the square roots
            of what there is, and of the smallest source all is used (InstructBLIP samples its datasets so). `all`:
            as they are.
    """
    kept = kept.copy()
    numbers, sizes = np.unique(of[kept], return_counts=True)
    if how == "all" or not len(sizes):
        return kept
    smallest = int(sizes.min())
    for number, size in zip(numbers.tolist(), sizes.tolist(), strict=True):
        most = smallest if how == "equal" else round(math.sqrt(smallest * size))
        _keep_smallest(kept, np.flatnonzero(kept & (of == number)), draws, most)
    return kept


def _keep_smallest(kept: np.ndarray, rows: np.ndarray, draws: np.ndarray, most: int) -> None:
    """Keep `most` of some rows: those with the smallest draws, of equal ones the first."""
    if most < len(rows):
        kept[rows[np.argsort(draws[rows], kind="stable")[most:]]] = False
