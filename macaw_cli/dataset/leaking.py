"""The leak check on conversations that wait on disk: their media by side, and what is dropped."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from macaw_cli.dataset.conversations import Origin
from macaw_cli.dataset.feature_join import FeatureStores, MediaUse
from macaw_cli.dataset.leaks import LEAK, LeakReport, check_leaks
from macaw_cli.dataset.reading import Reading, records_of
from macaw_cli.dataset.rejects import Reject
from macaw_cli.dataset.scratch.columns import read_column
from macaw_cli.dataset.scratch.media_table import MediaReader
from macaw_cli.dataset.source_specs import Source
from macaw_cli.shards.training_rows import SPLITS

_TRAIN = SPLITS.index("train")


@dataclass(slots=True)
class LeakCheck:
    """How media of the training side are compared with others."""

    stores: FeatureStores
    similarity: float
    """Cosine from which on two media are nearly the same."""
    benchmarks: Sequence[Path]
    """Feature stores with media that must not be trained on."""
    drop: bool
    """Whether conversations about media that leak are left out."""
    report: LeakReport = field(default_factory=LeakReport)
    """What was found."""

    def apply(
        self, reading: Reading, folder: Path, sources: Sequence[Source], sides: np.ndarray, kept: np.ndarray
    ) -> np.ndarray:
        """Compare the media; which conversations are used afterwards.

        Args:
            reading: what was read.
            folder: of the columns.
            sources: for the names of files in rejects.
            sides: the side of each conversation.
            kept: whether it is used so far.
        """
        sets = read_column(folder, "set", np.uint32)
        with closing(MediaReader(folder)) as media:
            own = {
                split: list(_first_uses(media, folder, sets, kept & (sides == side)))
                for side, split in enumerate(SPLITS)
            }
        self.report = check_leaks(own, self.stores, self.similarity, self.benchmarks)
        return self._without(reading, folder, sources, kept, kept & (sides == _TRAIN)) if self.drop else kept

    def _without(
        self, reading: Reading, folder: Path, sources: Sequence[Source], kept: np.ndarray, train: np.ndarray
    ) -> np.ndarray:
        identities = reading.media.identities()
        leaking = [
            number for media, number in reading.sets.items()
            if any(identities[one] in self.report.leaks for one in media)
        ]  # fmt: skip
        out = train & np.isin(read_column(folder, "set", np.uint32), leaking)
        for given in records_of(folder, np.flatnonzero(out)):
            found = next(leak for use in given.uses if (leak := self.report.leaks.get(identities[use.medium])))
            origin = Origin(given.source, sources[given.source].name, given.row)
            reading.rejects.add("leak", Reject(origin, LEAK, found.reason, given.id))
        return np.asarray(kept & ~out)


def _first_uses(media: MediaReader, folder: Path, sets: np.ndarray, rows: np.ndarray) -> Iterator[MediaUse]:
    """The different media of some conversations, in their order, each as it is called first."""
    numbers = np.flatnonzero(rows)
    _, first = np.unique(sets[numbers], return_index=True)  # later conversations on the same set bring nothing new
    seen: set[int] = set()
    for given in records_of(folder, numbers[np.sort(first)]):
        for use in given.uses:
            if use.medium not in seen:
                seen.add(use.medium)
                yield MediaUse(media.medium(use.medium), use.source)
