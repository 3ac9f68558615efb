"""Features of several rows, as one call of the model takes them."""

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

Features = Mapping[str, Sequence[Tensor]]
"""`image_features` and the like of one row, one tensor per medium, in order of appearance; `image_instructions` too."""


def joined_features(rows: Iterable[Features]) -> dict[str, list[Tensor]]:
    """The media of all rows, row after row."""
    together: dict[str, list[Tensor]] = {}
    for row in rows:
        for name, media in row.items():
            together.setdefault(name, []).extend(media)
    return together
