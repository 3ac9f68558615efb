"""Which run of a tracker belongs to a run of ours: `trackers.json` in its folder, so that a resume goes on there."""

import threading
from pathlib import Path

from macaw_cli.basics.atomic_files import write_json
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import TEXT, mapping_of

TRACKERS_FILE = "trackers.json"
_RUNS = mapping_of(TEXT)
Scalars = dict[str, float]
"""Figures by name."""


def remembered(run: Path, tracker: str) -> str | None:
    """The id of the tracker's run that belongs to this run."""
    file = run / TRACKERS_FILE
    return _known(file).get(tracker)


_writing = threading.Lock()


def remember(run: Path, tracker: str, run_id: str) -> None:
    """Keep it for a resume."""
    with _writing:
        file = run / TRACKERS_FILE
        write_json(file, {**_known(file), tracker: run_id})


def _known(file: Path) -> dict[str, str]:
    known: dict[str, str] = read_object(file, _RUNS) if file.is_file() else {}
    return known
