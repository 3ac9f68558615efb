"""What a line typed into the chat means: a question, or a command such as `/image cat.jpg`."""

import io
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from macaw_cli.basics.closest_names import closest
from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.shown_text import cut
from macaw_cli.chat.command_table import ALIASES, COMMANDS
from macaw_cli.chat.dropped_paths import dropped_media
from macaw_cli.modalities.table import MODALITIES, Modality

QUOTES = '"""'
"""Stands before and behind a question of several lines, in which nothing is a command."""


@dataclass(frozen=True)
class Ask:
    """A question to the model, and the files that were dropped into its line."""

    text: str
    dropped: tuple[tuple[str, Modality], ...] = ()


@dataclass(frozen=True)
class Attach:
    """A file or URL for the next question, and that question when it stands on the same line."""

    modality: Modality
    place: str
    question: str = ""


@dataclass(frozen=True)
class Do:
    """Another command: its name without the slash, and what was typed behind it."""

    name: str
    argument: str = ""


Meaning = Ask | Attach | Do | None


def read_line(line: str) -> Meaning:
    """What `line` asks for; None for an empty line.

    A line that starts with a slash is a command; `//` at its start is a question that begins with a slash.

    Raises:
        InputError: no such command, or what it needs is missing.
    """
    line = line.strip()
    if line.startswith(QUOTES):
        text = line[len(QUOTES) :].removesuffix(QUOTES).strip("\n")
        return Ask(text) if text.strip() else None
    if line.startswith("//"):
        return Ask(line[1:])
    typed, argument = [*re.split(r"\s+", line, maxsplit=1), ""][:2]
    name = ALIASES.get(typed, typed)
    if name in COMMANDS:
        return _command(name, argument)
    question, dropped = dropped_media(line)
    if line.startswith("/") and not dropped:
        raise InputError(f"There is no command {cut(typed)}{_nearest(typed)}.", "/help lists the commands.")
    return Ask(question, dropped) if line else None


def _command(name: str, argument: str) -> Attach | Do:
    if (example := COMMANDS[name].needed) and not argument:
        what = {"medium": "path", "example": "question and its answer"}.get(COMMANDS[name].takes, "file")
        raise InputError(f"{name} needs a {what}.", f"For example: {name} {example}")
    if argument and not COMMANDS[name].takes:
        raise InputError(f"{name} takes nothing behind it, found {cut(argument)}.", "/help lists the commands.")
    modality = next((known for known in MODALITIES if name == f"/{known}"), None)
    return Do(name[1:], argument) if modality is None else Attach(modality, *path_and_question(argument))


def whole_questions(lines: Iterable[str]) -> Iterator[str]:
    '''Lines, with those from `"""` to `"""` as one.'''
    waiting = ""
    for line in lines:
        waiting += line
        if not is_open(waiting):
            yield waiting
            waiting = ""
    if waiting:
        yield waiting


def is_open(text: str) -> bool:
    '''Whether a question begins with `"""` and the second one has not come.'''
    return text.lstrip().startswith(QUOTES) and text.count(QUOTES) < 2


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


def path_and_question(typed: str) -> tuple[str, str]:
    """Split what stands behind a command such as `/image` into a path or URL and a question.

    A path with bare spaces counts when such a file exists, else shell quoting decides.
    """
    if is_existing_file(typed):
        return typed, ""
    rest = io.StringIO(typed)
    lexer = shlex.shlex(rest, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        path = lexer.get_token() or ""
    except ValueError:  # a quote that never closes
        path = ""
    question = rest.read().strip()
    if path and (not question or is_existing_file(path) or "://" in path):
        return path, question
    words = list(re.finditer(r"\s+", typed))
    for gap in reversed(words):
        if is_existing_file(typed[: gap.start()]):
            return typed[: gap.start()], typed[gap.end() :]
    return typed, ""  # nothing exists: the error names all that was typed


def is_existing_file(path: str) -> bool:
    """Whether a typed path is one of a file."""
    try:
        return Path(path).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, or the home of nobody
        return False


def _nearest(command: str) -> str:
    close = closest(command, COMMANDS)
    return f" (did you mean {close[0]}?)" if close else ""
