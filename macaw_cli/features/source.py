"""One thing that the user's sources name: a medium, something that cannot be used, or media that are not looked at."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from macaw_cli.basics.redaction import redacted
from macaw_cli.modalities.table import Modality


@dataclass(frozen=True, slots=True)
class Source:
    """One file, one clip of it, or one member of a tar.

    Attributes:
        file: where its bytes are now: a path, or a URL.
        name: how the store calls it: relative, with `/`, a clip with `#t=start,end`.
        start: first second of a clip, or None.
        end: last second of a clip, or None.
        offset: where a tar's member begins in `file`, or None.
        size: of that member in bytes.
        stamp: of a remote file, where its listing told it.
        staged: a local copy of the remote `file`, while there is one.
    """

    file: str
    name: str
    modality: Modality
    start: float | None = None
    end: float | None = None
    offset: int | None = None
    size: int | None = None
    stamp: str = ""
    staged: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A named source that cannot be used: a row of `rejects.jsonl`, and where it is, as `Source.file`."""

    row: dict[str, Any]
    file: str = ""


@dataclass(frozen=True, slots=True)
class Uncounted:
    """Media in the rest of a remote tar, of which a survey reads only the beginning: how many there may be."""

    media: Counter[Modality]


@dataclass(frozen=True, slots=True)
class Ignored:
    """A file in a folder or tar that is no medium, by its extension."""

    extension: str


Found = Source | Refused | Uncounted | Ignored


def reject(
    name: str, modality: Modality | None, reason: str, key: str | None = None, *, manifest: str | None = None
) -> dict[str, Any]:
    """A row of `rejects.jsonl`: which source, what was wanted of it, and why it cannot be had.

    With the name of the manifest whose row is at fault: once that is read again, only what it still says counts.
    """
    row = {"path": name, "modality": modality, "key": key, "reason": redacted(reason)}
    return row if manifest is None else {**row, "manifest": manifest}
