"""The media of a build, numbered as they come: who holds their features."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.json_text import parse_json
from macaw_cli.dataset.scratch.columns import ColumnWriter, read_column
from macaw_cli.dataset.scratch.records import RecordReader, RecordWriter
from macaw_cli.dataset.scratch.spooled import dumped
from macaw_cli.modalities.table import Modality
from macaw_cli.shards.feature_rows import FeatureRow

RECORDS = "media.records"
_COLUMNS = {"media_offset": "Q", "media_length": "I"}
_CACHED = 4096
_FIELDS = tuple(field.name for field in fields(FeatureRow))


@dataclass(frozen=True, slots=True)
class Medium:
    """One medium with features, whatever it is called."""

    store: int
    """Which of the feature stores holds it."""
    row: FeatureRow

    @property
    def identity(self) -> tuple[Modality, str]:
        """Equal for equal features."""
        return self.row.modality, self.row.key


class MediaTable:
    """Numbers media by identity, and keeps what is known of them on disk.

    Args:
        folder: for the files.

    Attributes:
        nbytes: size of the features of each medium, by number.
    """

    def __init__(self, folder: Path) -> None:
        self._numbers: dict[tuple[Modality, str], int] = {}
        self._records = RecordWriter(folder / RECORDS)
        self._columns = ColumnWriter(folder, _COLUMNS)
        self.nbytes: list[int] = []

    def number(self, medium: Medium) -> int:
        """The number of a medium, a new one if it has none."""
        known = self._numbers.get(medium.identity)
        if known is not None:
            return known
        self._numbers[medium.identity] = len(self._numbers)
        self._columns.add(*self._records.add(dumped([medium.store, _as_json(medium.row)])))
        self.nbytes.append(medium.row.nbytes)
        return len(self._numbers) - 1

    def identities(self) -> Sequence[tuple[Modality, str]]:
        """Modality and key of each medium, by number."""
        return list(self._numbers)

    def flush(self) -> None:
        """Write what is still in memory."""
        self._records.flush()
        self._columns.flush()

    def close(self) -> None:
        """Close the files."""
        self._records.close()
        self._columns.close()


class MediaReader(Sequence[tuple[Modality, str]]):
    """The media of a finished table, by number; as a sequence it holds modality and key of each."""

    def __init__(self, folder: Path) -> None:
        self._records = RecordReader(folder / RECORDS)
        self._offsets = read_column(folder, "media_offset", np.uint64)
        self._lengths = read_column(folder, "media_length", np.uint32)
        self.medium = lru_cache(_CACHED)(self._medium)

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, number: Any) -> Any:
        return self.medium(number).identity

    def close(self) -> None:
        """Close the files."""
        self._records.close()

    def _medium(self, number: int) -> Medium:
        place = int(self._offsets[number]), int(self._lengths[number])
        store, row = parse_json(self._records.read(place).decode())
        return Medium(store, _from_json(row))


def _as_json(row: FeatureRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _FIELDS}
    return {**values, "shard": str(row.shard)}


def _from_json(row: dict[str, Any]) -> FeatureRow:
    return FeatureRow(**{**row, "shard": Path(row["shard"]), "shape": tuple(row["shape"])})
