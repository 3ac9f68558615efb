"""What a line typed into the chat means: a question, or a command such as `/image cat.jpg`."""

import io
import shlex
from dataclasses import dataclass
from pathlib import Path

from macaw_cli.basics.closest_names import closest
from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.shown_text import cut
from macaw_cli.modalities.table import BUILT_IN, MODALITIES, TABLE, Modality

COMMANDS = {
    "/image": "PATH [QUESTION]: attach an image to the next question",
    "/audio": "PATH [QUESTION]: attach an audio file",
    "/video": "PATH [QUESTION]: attach a video, with its soundtrack if it has one",
    **{f"/{row.name}": f"PATH [QUESTION]: attach {row.name}" for row in TABLE.values() if row not in BUILT_IN},
    "/blind": "answer the last question again, without any media",
    "/clear": "forget the conversation and all attachments",
    "/help": "show this list",
    "/exit": "leave (so does Ctrl-D)",
}
"""Every command with its help, in the order in which `/help` shows them."""


@dataclass(frozen=True)
class Ask:
    """A question to the model."""

    text: str


@dataclass(frozen=True)
class Attach:
    """A file for the next question, and that question when it stands on the same line."""

    modality: Modality
    path: Path
    question: str = ""


@dataclass(frozen=True)
class Do:
    """A command without arguments: `blind`, `clear`, `help` or `exit`."""

    name: str


Meaning = Ask | Attach | Do | None


def read_line(line: str) -> Meaning:
    """What `line` asks for; None for an empty line.

    A line that starts with a slash is a command; `//` at its start is a question that begins with a slash.

    Raises:
        InputError: no such command, or a path is missing.
    """
    line = line.strip()
    if not line:
        return None
    if not line.startswith("/") or line.startswith("//"):
        return Ask(line[1:] if line.startswith("//") else line)
    command, _, rest = line.partition(" ")
    if command not in COMMANDS:
        raise InputError(f"There is no command {cut(command)}{_nearest(command)}.", "/help lists the commands.")
    modality = next((name for name in MODALITIES if command == f"/{name}"), None)
    if modality is None:
        return Do(command[1:])
    path, question = _path_and_question(rest.strip())
    if not path:
        raise InputError(f"{command} needs a path.", f"For example: {command} example{TABLE[modality].extensions[0]}")
    return Attach(modality, Path(path).expanduser(), question)


def require_text(text: str, where: str) -> None:
    """Refuse what came as bytes of another encoding, of which Python made halves of characters.

    Args:
        text: what was typed.
        where: it was typed, such as `--prompt`.

    Raises:
        UsageError: with what to do.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise not_utf8(where) from None


def not_utf8(where: str) -> UsageError:
    """The error for bytes that are no UTF-8."""
    return UsageError(f"{where} is not UTF-8 text.", "Convert it, for example with `iconv -f LATIN1 -t UTF-8`.")


def help_lines() -> list[str]:
    """The text of `/help`."""
    return [f"{name:8} {text}" for name, text in COMMANDS.items()] + ["Ctrl-C   stop the answer"]


def _path_and_question(rest: str) -> tuple[str, str]:
    """Split `rest`: a path with bare spaces counts when such a file exists, else shell quoting decides."""
    if Path(rest).expanduser().is_file():
        return rest, ""
    typed = io.StringIO(rest)
    lexer = shlex.shlex(typed, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        path = lexer.get_token() or ""
    except ValueError:  # a quote that never closes
        return rest, ""
    question = typed.read().strip()
    # the rest is a question only if the path before it exists; else the error should name all that was typed
    return (path, question) if not question or Path(path).expanduser().is_file() else (rest, "")


def _nearest(command: str) -> str:
    close = closest(command, COMMANDS)
    return f" (did you mean {close[0]}?)" if close else ""
