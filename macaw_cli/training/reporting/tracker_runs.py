"""Which run of a tracker belongs to a run of ours: `trackers.json` in its folder, so that a resume goes on there."""

import threading
from pathlib import Path

from macaw_cli.basics.atomic_files import read_json, write_json

TRACKERS_FILE = "trackers.json"
Scalars = dict[str, float]
"""Figures by name."""


def remembered(run: Path, tracker: str) -> str | None:
    """The id of the tracker's run that belongs to this run."""
    file = run / TRACKERS_FILE
    known = read_json(file) if file.is_file() else {}
    return known.get(tracker) if isinstance(known, dict) else None


_writing = threading.Lock()


def remember(run: Path, tracker: str, run_id: str) -> None:
    """Keep it for a resume."""
    with _writing:
        file = run / TRACKERS_FILE
        known = read_json(file) if file.is_file() else {}
        write_json(file, {**known, tracker: run_id})
