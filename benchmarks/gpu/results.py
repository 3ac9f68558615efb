"""Figures are kept in one JSON file per part, written after each figure: a time limit costs only what it cuts off."""

import json
import os
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OUT = Path(os.environ.get("OUT", "gpu-results"))
ON_GPU = os.environ.get("DEVICE", "cuda") == "cuda"
SHOWN = 1500


class Part:
    """One part of the summary.

    Args:
        name: of its file, `part-NAME.json` in `OUT`.
    """

    def __init__(self, name: str) -> None:
        OUT.mkdir(parents=True, exist_ok=True)
        self._file, self._found = OUT / f"part-{name}.json", {}

    def put(self, key: str, value: object) -> None:
        """Keep and print one figure."""
        self._found[key] = value
        self._file.write_text(json.dumps(self._found, indent=1, default=str))
        print(f"{time.strftime('%X')} {key}: {json.dumps(value, default=str)[:SHOWN]}", flush=True)

    @contextmanager
    def trying(self, key: str) -> Iterator[None]:
        """A failure is a figure as well; the next one is still measured."""
        try:
            yield
        except Exception as error:
            traceback.print_exc()
            self.put(key, {"error": f"{type(error).__name__}: {str(error)[:600]}"})
