"""The media of the conversations that are used, each with its side and what it is connected with."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from macaw_cli.basics.connected_components import Connections
from macaw_cli.dataset.reading import SPOOL, Reading
from macaw_cli.dataset.scratch.columns import read_column
from macaw_cli.dataset.scratch.media_table import MediaReader, Medium
from macaw_cli.dataset.scratch.records import RecordReader
from macaw_cli.dataset.scratch.spooled import read_spooled
from macaw_cli.dataset.source_specs import Source


@dataclass(frozen=True, slots=True)
class UsedMedium:
    """A medium of a dataset that is being built."""

    medium: Medium
    name: str
    """What a conversation calls it."""
    folder: Path
    """Of the source of that conversation, to which the name may be relative."""
    trained: bool
    """Whether it is on the training side."""
    group: int
    """Equal for media that conversations connect, directly or through others."""


def used_media(reading: Reading, folder: Path, train: int, sources: Sequence[Source]) -> list[UsedMedium]:
    """The media, in the order in which they were read first.

    Args:
        reading: what was read, after sides were decided.
        folder: of its columns.
        train: how many of the ordered conversations are on the training side.
        sources: what was read.
    """
    sets = read_column(folder, "ordered-set", np.uint32)
    offsets, lengths = (
        read_column(folder, "ordered-offset", np.uint64), read_column(folder, "ordered-length", np.uint32)
    )  # fmt: skip
    numbers, first = np.unique(sets, return_index=True)
    connections, members = Connections(), list(reading.sets)
    for number in numbers.tolist():
        if members[number]:
            connections.connect(sorted(members[number]))
    found: dict[int, UsedMedium] = {}
    with closing(MediaReader(folder)) as media, closing(RecordReader(folder / SPOOL)) as records:
        for row in np.sort(first).tolist():
            given = read_spooled(records.read((int(offsets[row]), int(lengths[row]))))
            for use in given.uses:
                if use.medium not in found:
                    group = connections.group(use.medium)
                    assert isinstance(group, int)
                    found[use.medium] = UsedMedium(
                        media.medium(use.medium), use.source, sources[given.source].path.parent, row < train, group
                    )
    return [found[number] for number in sorted(found)]
