"""The items of a task that are asked, and the rows that cannot be."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import write_bytes
from macaw_cli.basics.errors import InputError
from macaw_cli.evaluation.tasks.item import Item, Medium
from macaw_cli.evaluation.tasks.task import Task

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")
"""An ending that files have; a published table may say anything."""


@dataclass
class ItemsRead:
    """What was read of a task's files."""

    items: list[Item] = field(default_factory=list)
    rejects: list[str] = field(default_factory=list)
    """Why a row cannot be asked, one reason each."""


def read_items(task: Task[Any], limit: int | None, scratch: Path) -> ItemsRead:
    """The first `limit` items of each kind, whole clusters; bytes of media become files.

    Args:
        task: whose files are read.
        limit: clusters per kind; None takes all.
        scratch: a temporary folder.

    Raises:
        InputError: the files are missing, not of the published form, or hold no item that can be asked.
    """
    read = ItemsRead()
    seen: dict[str, dict[str, None]] = defaultdict(dict)
    named: Counter[str] = Counter()
    taking = True
    for item in task.items():
        if isinstance(item, InputError):
            if taking:  # rows behind the limit do not count
                read.rejects.append(item.problem)
            continue
        named[item.id] += 1
        if named[item.id] > 1:  # a user's own ids may be those of images, of which several questions are asked
            item = replace(item, id=f"{item.id} #{named[item.id]}")
        clusters = seen[item.kind]
        taking = limit is None or item.cluster_id in clusters or len(clusters) < limit
        if taking:
            clusters[item.cluster_id] = None
            read.items.append(replace(item, media=tuple(_on_disk(item.media, scratch))))
    if not read.items:
        why = f"{len(read.rejects)} cannot be asked; the first: {read.rejects[0]}" if read.rejects else "it has none"
        raise InputError(f"The task {task.settings.called} has no question that can be asked: {why}.")
    return read


def _on_disk(media: tuple[Medium, ...], scratch: Path) -> Iterator[Medium]:
    for medium in media:
        if medium.content is None:
            yield medium
            continue
        digest = hashlib.sha256(medium.content).hexdigest()[:32]
        suffix = Path(medium.name).suffix
        path = scratch / f"{digest}{suffix if _SUFFIX.fullmatch(suffix) else ''}"
        if not path.exists():
            write_bytes(path, medium.content)
        yield replace(medium, path=path, content=None, name=medium.name or digest)
