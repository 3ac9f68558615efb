"""The folder of a generation: ledger, conversations, rejects, and the report that marks it as macaw's own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from macaw_cli.basics.atomic_files import atomic_path, jsonl_line, write_json
from macaw_cli.basics.fingerprints import require_version
from macaw_cli.basics.owned_folders import FolderKind, marker_content
from macaw_cli.shards.generation_report import FORMAT_VERSION, REPORT_NAME

CONVERSATIONS_NAME = "conversations.jsonl"
REJECTS_NAME = "rejects.jsonl"
LEDGER_FILES = ("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm", "ledger.sqlite-journal")
"""The ledger, and what SQLite may put beside it."""


def _is_own(folder: Path) -> bool:
    content = marker_content(folder / REPORT_NAME)
    if content is None:
        return False
    require_version(content.get("format_version"), FORMAT_VERSION, folder / REPORT_NAME)
    return True


GENERATION = FolderKind("generation folder", _is_own)


def prepare_folder(folder: Path) -> None:
    """Make the folder and its marker, unless they are there; call it under the folder's lock."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / REPORT_NAME).is_file():
        write_json(folder / REPORT_NAME, {"format_version": FORMAT_VERSION})


@dataclass(frozen=True, slots=True)
class Output:
    """The two files of rows, as they are written."""

    conversations: TextIO
    rejects: TextIO

    def keep(self, row: dict[str, Any]) -> None:
        """Write a conversation."""
        self.conversations.write(jsonl_line(row))

    def reject(self, row: dict[str, Any]) -> None:
        """Write a rejected row."""
        self.rejects.write(jsonl_line(row))


@contextmanager
def new_output(folder: Path) -> Iterator[Output]:
    """Both files, which replace older ones only when the block ends without an error."""
    with ExitStack() as stack:
        files = [
            stack.enter_context(stack.enter_context(atomic_path(folder / name)).open("w", encoding="utf-8"))
            for name in (CONVERSATIONS_NAME, REJECTS_NAME)
        ]
        yield Output(*files)


def write_report(folder: Path, report: dict[str, Any]) -> None:
    """Replace the report."""
    write_json(folder / REPORT_NAME, {"format_version": FORMAT_VERSION, **report})
