"""The filters that have to see all conversations: applied when all are on disk."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from macaw_cli.basics.atomic_files import iterate_jsonl
from macaw_cli.dataset.conversations import Origin
from macaw_cli.dataset.filters.chain import FilterChain, Removal
from macaw_cli.dataset.reading import COLUMNS, JUDGED, SPOOL, Reading
from macaw_cli.dataset.rejects import Reject
from macaw_cli.dataset.scratch.columns import DTYPES, read_column, write_column
from macaw_cli.dataset.scratch.records import RecordReader
from macaw_cli.dataset.scratch.spooled import Spooled, read_spooled, with_tags
from macaw_cli.dataset.source_specs import Source


def judge(reading: Reading, folder: Path, sources: Sequence[Source], chain: FilterChain) -> None:
    """Drop from the columns what a filter drops, and give the others its tags.

    What `#N+` repeats stands there several times on purpose: it is judged once.

    Args:
        reading: what was read.
        folder: of the columns.
        sources: for the names of files in rejects.
        chain: of which only these filters are applied.
    """
    if not chain.needs_all:
        return
    removed, tags = chain.judged_together(lambda: iterate_jsonl(folder / JUDGED))
    columns = {name: np.array(read_column(folder, name, DTYPES[kind])) for name, kind in COLUMNS.items()}
    offsets = columns["offset"]
    numbers = np.zeros(len(offsets), np.int64)
    numbers[1:] = np.cumsum(offsets[1:] != offsets[:-1])
    _tag(reading, folder, columns, numbers, {number: tags[number] for number in tags if number not in removed})
    out = np.isin(numbers, list(removed))
    for row in np.flatnonzero(out).tolist():
        reading.rejects.add("whole", _reject(_record(folder, columns, row), sources, removed[int(numbers[row])]))
    for name, column in columns.items():
        write_column(folder, name, [column[~out]])


def _tag(
    reading: Reading, folder: Path, columns: dict[str, np.ndarray], numbers: np.ndarray,
    tags: Mapping[int, Sequence[str]],
) -> None:
    """Add a record with the tags for each conversation that gets some."""
    new = {}
    for row in np.flatnonzero(np.isin(numbers, list(tags))).tolist():
        number = int(numbers[row])
        if number not in new:
            record, length = with_tags(_record(folder, columns, row), tags[number])
            new[number] = *reading.spool.add(record), length
            reading.spool.flush()
        for name, value in zip(("offset", "length", "json"), new[number], strict=True):
            columns[name][row] = value


def _record(folder: Path, columns: Mapping[str, np.ndarray], row: int) -> Spooled:
    reader = RecordReader(folder / SPOOL)
    try:
        return read_spooled(reader.read((int(columns["offset"][row]), int(columns["length"][row]))))
    finally:
        reader.close()


def _reject(given: Spooled, sources: Sequence[Source], removal: Removal) -> Reject:
    return Reject(Origin(given.source, sources[given.source].name, given.row), *removal, given.id)
