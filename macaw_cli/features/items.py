"""A medium by its content: equal files are one item, however many names they have."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from macaw_cli.basics import console
from macaw_cli.config.settings import Modality
from macaw_cli.features.sources import Source, reject

_HASHING_THREADS = 4


@dataclass(slots=True)
class Item:
    """One content of one modality, or one clip of it.

    Attributes:
        key: first 32 hex digits of the SHA-256 of the bytes, for a clip of the bytes and its times.
        sha256: of the whole file.
        bytes: size of the file.
        names: every source path with this content.
        file: one of them, where it is now; relative to the store in the journal.
    """

    key: str
    modality: Modality
    sha256: str
    bytes: int
    file: str
    start: float | None = None
    end: float | None = None
    names: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return asdict(self)


def identify(sources: list[Source]) -> tuple[list[Item], list[dict[str, Any]]]:
    """Hash all sources.

    Returns:
        The items in order of first appearance, and reject rows for files that could not be read.
    """
    items: dict[tuple[str, str], Item] = {}
    rejects = []
    with ThreadPoolExecutor(_HASHING_THREADS) as threads, console.progress("Hashing", len(sources), "files") as advance:
        for source, hashed in zip(sources, threads.map(_hash, sources), strict=True):
            advance(1, "")
            if isinstance(hashed, str):
                rejects.append(reject(source.name, source.modality, hashed))
                continue
            known = items.setdefault((hashed.key, hashed.modality), hashed)
            known.names.append(source.name)
    return list(items.values()), rejects


def _hash(source: Source) -> Item | str:
    try:
        with Path(source.file).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
            size = file.tell()
    except OSError as error:
        return f"It cannot be read: {error.strerror}."
    sha256 = digest.hexdigest()
    if source.start is not None or source.end is not None:
        digest.update(f"#t={source.start or 0.0},{source.end}".encode())
    return Item(digest.hexdigest()[:32], source.modality, sha256, size, str(source.file), source.start, source.end)
