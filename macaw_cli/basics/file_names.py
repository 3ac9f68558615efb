r"""Names of files as people write them and as disks hold them.

macOS stores `é` as two characters where most texts have one (NFD and NFC): both name the same file. A name that is not
UTF-8 is written in JSON with one escape for each byte: `"caf\udce9.png"`, as Python's `os.fsdecode` reads it.
"""

import os
import unicodedata
from pathlib import Path


def composed(name: str) -> str:
    """The name in the one form in which names are compared."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def on_disk(path: Path) -> Path:
    """The path as the disk holds it; the path itself where it is there as written, or nothing is there at all."""
    if str(path).isascii() or os.path.lexists(path):
        return path
    found = Path(path.anchor)
    for part in path.parts[1:] if path.anchor else path.parts:
        found = _entry(found, part)
    return found if os.path.lexists(found) else path


def encodable(name: str) -> bool:
    """Whether the name can be that of a file: whatever stands in it is text, or a byte that is not UTF-8."""
    try:
        return b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        return False


def is_there(path: Path) -> bool:
    """Whether a file is there; no error for a text that no file can be called by, such as base64 in place of a name."""
    try:
        return path.is_file()
    except OSError:  # too long
        return False


def printable(name: str) -> str:
    """The name as UTF-8 text, bytes that are none spelled as in JSON."""
    return name if name.isascii() else name.encode(errors="backslashreplace").decode()


def _entry(folder: Path, name: str) -> Path:
    """The entry of a folder that is called `name` in any form."""
    if name.isascii() or os.path.lexists(folder / name):
        return folder / name
    for form in ("NFC", "NFD"):
        if os.path.lexists(spelled := folder / unicodedata.normalize(form, name)):
            return spelled
    try:
        entries = sorted(entry.name for entry in folder.iterdir())
    except (OSError, ValueError):
        entries = []
    return folder / next((entry for entry in entries if composed(entry) == composed(name)), name)
