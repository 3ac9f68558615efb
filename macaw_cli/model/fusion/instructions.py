"""Which example of a batch a medium belongs to, and what is asked there. Pure functions.

Letters: B rows, T positions; places count over all rows behind one another.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from macaw_cli.model.losses import IGNORED


def example_of(places: Sequence[int], borders: Sequence[int]) -> list[int]:
    """The number of the example in which each place is.

    Args:
        places: ascending or not.
        borders: where examples begin and the last one ends, from 0 to B T.
    """
    return [bisect_right(borders, place) - 1 for place in places]


def instruction_ids(
    input_ids: Tensor, labels: Tensor | None, attention_mask: Tensor | None, borders: Sequence[int], vocabulary: int
) -> list[Tensor]:
    """The instruction of each example: its text before the first supervised token.

    Args:
        input_ids: (B, T).
        labels: (B, T), -100 where nothing is supervised; without them, or without a supervised token, all text counts.
        attention_mask: (B, T), 0 for padding, which is left out; None or a mask over pairs leaves nothing out.
        borders: as in `example_of`.
        vocabulary: V; ids from here on stand for media.

    Returns:
        (L,) int64 ids per example.
    """
    ids = input_ids.flatten()
    is_text = ids < vocabulary
    if attention_mask is not None and attention_mask.dim() == 2:
        is_text = is_text & attention_mask.flatten().bool()
    found = []
    for begin, end in pairwise(borders):
        supervised = None if labels is None else (labels.flatten()[begin:end] != IGNORED).nonzero()
        stop = begin + int(supervised[0]) if supervised is not None and len(supervised) else end
        found.append(ids[begin:stop][is_text[begin:stop]])
    return found
