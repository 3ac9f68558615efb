"""`macaw evaluate --clean OUT`: the folder of the questions that need their media, and of the examples that do not."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import write_json, write_jsonl
from macaw_cli.basics.fingerprints import require_version
from macaw_cli.basics.locks import folder_lock
from macaw_cli.basics.owned_folders import FolderKind, marker_content, require_apart, require_own_folder

FORMAT_VERSION = 1
MARKER, CONVERSATIONS, GUESSABLE = "clean.json", "clean.jsonl", "guessable.jsonl"


def _is_own(folder: Path) -> bool:
    content = marker_content(folder / MARKER)
    if content is None:
        return False
    require_version(content.get("format_version"), FORMAT_VERSION, folder / MARKER)
    return True


CLEAN = FolderKind("clean subset", _is_own)


def require_clean_folder(folder: Path, inputs: Sequence[Path]) -> None:
    """Refuse a folder that is not to be written into; call it before any work.

    Args:
        folder: missing, empty, or of an earlier `--clean`.
        inputs: what is read.

    Raises:
        InputError: something else is there, or it is an input, lies in one, or contains one.
        MismatchError: a newer macaw made it.
        UsageError: it is a URL.
    """
    hint = "Name another folder with --clean."
    require_own_folder(folder, CLEAN, hint)
    require_apart(folder, inputs, hint)


def write_clean_folder(
    folder: Path, report: Mapping[str, Any], conversations: Sequence[Any], guessable: Sequence[Any]
) -> None:
    """Write both files and, last, the marker with the counts.

    Args:
        folder: as `require_clean_folder` takes it.
        report: what the marker tells.
        conversations: canonical rows.
        guessable: of `guessable_examples`.

    Raises:
        LockedError: another macaw command is writing there.
    """
    with folder_lock(folder):
        if not _is_own(folder):  # killed in the middle, it is known as ours
            write_json(folder / MARKER, {"format_version": FORMAT_VERSION})
        write_jsonl(folder / CONVERSATIONS, conversations)
        write_jsonl(folder / GUESSABLE, guessable)
        write_json(folder / MARKER, {"format_version": FORMAT_VERSION, **report})
