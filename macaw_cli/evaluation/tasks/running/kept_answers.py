"""Answers of a task that is under way, kept so that an interrupted one goes on where it stopped."""

import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import append_jsonl
from macaw_cli.basics.typed_files import iterate_objects
from macaw_cli.basics.typed_rows import NUMBER, TEXT, Fields, list_of
from macaw_cli.basics.working_files import remove_file
from macaw_cli.config.tasks.base import TaskSettings
from macaw_cli.evaluation.tasks.item import Item, Medium
from macaw_cli.evaluation.tasks.running.conditions import Asked, messages_under

NAME = "unfinished.jsonl"
VERSION = 1
SECONDS = 5.0
"""Between two times of writing."""
_ROW = Fields({"asked": TEXT, "text": TEXT, "likelihoods": list_of(NUMBER)})
Said = tuple[str, tuple[float, ...]]
"""The answer, and the log-likelihoods of the choices, where they decided."""


class KeptAnswers:
    """The file of one task, which is removed when its figures are written. A context manager that writes what is left.

    Each row names what was asked by a hash of the model, the messages, the media and how they are answered. So another
    model, other settings or changed files find nothing here.

    Args:
        folder: of the task in the model's run; None keeps nothing.
        model: folder of the model.
        settings: of the task.
        scratch: folder of the media that were bytes: their names are their content.
    """

    def __init__(self, folder: Path | None, model: Path, settings: TaskSettings, scratch: Path) -> None:
        self._file = None if folder is None else folder / NAME
        self._scratch = scratch
        self._common = {
            "version": VERSION, "model": model_files(model), "answer": settings.answer,
            "max_new_tokens": settings.max_new_tokens,
        }  # fmt: skip
        self._items: Sequence[Item] = ()
        self._waiting: list[dict[str, Any]] = []
        self._written = time.monotonic()

    def __enter__(self) -> "KeptAnswers":
        return self

    def __exit__(self, *_: object) -> None:
        self._write()

    def find(self, items: Sequence[Item], asked: Sequence[Asked]) -> dict[Asked, Said]:
        """What is answered already.

        Args:
            items: of the task, also for `keep`.
            asked: of the items.

        Raises:
            DamagedError: the file is not what macaw writes.
        """
        self._items = items
        if self._file is None or not self._file.exists():
            return {}
        known: Mapping[str, Said] = {
            row["asked"]: (row["text"], tuple(map(float, row["likelihoods"])))
            for row in iterate_objects(self._file, _ROW)
        }
        keys = {one: self._key(one) for one in asked}
        return {one: known[key] for one, key in keys.items() if key in known}

    def keep(self, asked: Sequence[Asked], said: Said) -> None:
        """Remember an answer, and write those of the last seconds."""
        text, likelihoods = said
        if self._file is None or not all(map(math.isfinite, likelihoods)):
            return
        for key in {self._key(one) for one in asked}:
            self._waiting.append({"asked": key, "text": text, "likelihoods": list(likelihoods)})
        if time.monotonic() - self._written > SECONDS:
            self._write()

    def remove(self) -> None:
        """The task is finished."""
        if self._file is not None:
            remove_file(self._file)

    def _write(self) -> None:
        if self._file is not None and self._waiting:
            append_jsonl(self._file, self._waiting)
        self._waiting, self._written = [], time.monotonic()

    def _key(self, one: Asked) -> str:
        item = self._items[one.number]
        told = {
            **self._common, "messages": messages_under(item, one.condition),
            "media": [self._medium(medium) for medium in one.media], "choices": item.choices,
            "sampling": repr(item.sampling), "seed": item.seed,
        }  # fmt: skip
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]

    def _medium(self, medium: Medium) -> list[Any]:
        path = medium.path or Path(medium.name)
        if path.parent == self._scratch:
            return [medium.modality, path.name, medium.start, medium.end]
        seen = path.stat() if path.exists() else None
        of_file = [seen.st_size, seen.st_mtime_ns] if seen else []
        return [medium.modality, str(path.absolute()), *of_file, medium.start, medium.end]


def model_files(folder: Path) -> list[list[Any]]:
    """Names, sizes and times of the files of a model: cheaper than to read them."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]
