"""What a dataset left out: rows of its sources, and what a language model wrote that could not be used."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from macaw_cli.basics.fingerprints import require_version
from macaw_cli.basics.owned_folders import marker_content
from macaw_cli.basics.typed_files import iterate_objects
from macaw_cli.basics.typed_rows import COUNT, TEXT, Fields
from macaw_cli.inspection.media_lookup import workspace_of
from macaw_cli.inspection.reject_reasons import RejectGroup, grouped

REJECTS_NAME = "rejects.jsonl"
GENERATION_MARK, GENERATION_VERSION = "generation.json", 1
SOURCE_FORMAT = "jsonl"
_ROW = Fields({"reason": TEXT}, {"file": TEXT, "row": COUNT, "id": TEXT, "filter": TEXT})
_REPLY = Fields(
    {"reason": TEXT},
    {"file": TEXT, "row": COUNT, "id": TEXT, "kind": TEXT, "question": TEXT, "answer": TEXT, "raw": TEXT},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RejectedReply:
    """A reply of a language model, or one pair of it, that could not be used."""

    item: str
    kind: str
    reason: str
    text: str
    """The pair, or the reply as it came."""


def rejected_rows(folder: Path) -> list[RejectGroup]:
    """Conversations that were left out, by reason; `modalities` counts the filters.

    Raises:
        DamagedError: `rejects.jsonl` is not what macaw writes.
    """
    return grouped(
        (f"{row.get('file', '')}, row {row.get('row', '?')}", row.get("filter", ""), row["reason"])
        for row in iterate_objects(folder / REJECTS_NAME, _ROW)
    )


def generation_folder(folder: Path, info: Mapping[str, Any]) -> Path | None:
    """Where the language model's replies are, if the dataset names them and they are still there.

    Args:
        folder: of the dataset.
        info: its `dataset.json`.

    Raises:
        MismatchError: a newer macaw wrote them.
    """
    if not info.get("generator"):
        return None
    for source in reversed(info.get("sources") or []):
        name = PurePosixPath(source.get("file", ""))
        if source.get("format") != SOURCE_FORMAT or name.is_absolute() or ".." in name.parts:
            continue
        found = workspace_of(folder) / name.parent
        if content := marker_content(found / GENERATION_MARK):
            require_version(content.get("format_version"), GENERATION_VERSION, found / GENERATION_MARK)
            return found
    return None


def rejected_replies(folder: Path) -> Iterator[RejectedReply]:
    """What could not be used of a generation, in the order in which it was written down.

    Raises:
        DamagedError: its `rejects.jsonl` is not what macaw writes.
    """
    for row in iterate_objects(folder / REJECTS_NAME, _REPLY):
        pair = f"{row['question']}\n{row.get('answer', '')}" if "question" in row else ""
        yield RejectedReply(row.get("id", ""), row.get("kind", ""), row["reason"], pair or row.get("raw", ""))
