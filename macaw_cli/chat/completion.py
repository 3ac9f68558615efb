"""Completion at the chat's prompt: commands, names of settings, and paths."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from macaw_cli.basics.terminal_text import one_line
from macaw_cli.chat.command_table import ALIASES, COMMANDS, shown_commands
from macaw_cli.media.kinds import modality_of_name, reads
from macaw_cli.modalities.table import TABLE

_PATH_IN_TEXT = re.compile(r"(?<!\S)(?:/|~/|\.{1,2}/)(?:\\.|[^\s'\"\\])*$")
"""The beginning of a path at the end of a question."""
_NEEDS_ESCAPE = re.compile(r"""([\s'"\\])""")
_MOST = 500
"""Entries of a folder that are offered."""


@dataclass(frozen=True)
class Offer:
    """One completion."""

    text: str
    """What takes the place of the last `replaces` characters."""
    replaces: int
    shown: str
    told: str = ""
    """What stands beside it."""


class ChatCompleter(Completer):
    """Offers what `offers` finds; paths inside a question only when Tab is pressed.

    Args:
        settings: names that `/set` knows.
        modalities: of the model.
    """

    def __init__(self, settings: Iterable[str], modalities: Iterable[str] = ()) -> None:
        self._settings, self._modalities = tuple(settings), tuple(modalities)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """What the text before the cursor could become."""
        text = document.text_before_cursor
        found = offers(text, self._settings, self._modalities)
        if not found and complete_event.completion_requested:
            found = _paths_in_text(text)
        for offer in found:
            yield Completion(offer.text, -offer.replaces, display=offer.shown, display_meta=offer.told)


def offers(line: str, settings: Iterable[str] = (), modalities: Iterable[str] = ()) -> list[Offer]:
    """What a line that begins with a slash could become.

    Args:
        line: from its beginning to the cursor.
        settings: names that `/set` knows.
        modalities: of the model.
    """
    if "\n" in line or not line.startswith("/"):
        return []
    command, gap, rest = line.partition(" ")
    if not gap:
        return [
            Offer(name + (" " if known.takes else ""), len(line), name, known.help)
            for name, known in shown_commands(modalities).items()
            if name.startswith(line)
        ]
    takes = COMMANDS[ALIASES.get(command, command)].takes if ALIASES.get(command, command) in COMMANDS else ""
    rest = rest.lstrip()
    if takes == "setting":
        return [Offer(f"{name} ", len(rest), name) for name in settings if name.startswith(rest)]
    if takes in ("medium", "example"):
        if command[1:] in TABLE:
            return _paths(rest, lambda name: reads(command[1:], name))
        return _paths(rest, lambda name: modality_of_name(name) is not None)
    return _paths(rest) if takes == "file" else []


def _paths_in_text(text: str) -> list[Offer]:
    """What a path at the end of a question could become, escaped as a terminal escapes a dropped one."""
    found = _PATH_IN_TEXT.search(text)
    if found is None:
        return []
    typed = re.sub(r"\\(.)", r"\1", found[0])
    return [
        Offer(_NEEDS_ESCAPE.sub(r"\\\1", offer.text), len(found[0]), offer.shown)
        for offer in _paths(typed, whole=True)
    ]


def _paths(start: str, wanted: Callable[[str], bool] = lambda name: True, *, whole: bool = False) -> list[Offer]:
    """The files and folders whose path begins with `start`; those that are not wanted come last."""
    folder, name = os.path.split(start)
    try:
        place = Path(folder).expanduser() if folder else Path()
        entries = sorted(entry for entry in place.iterdir() if entry.name.startswith(name))
    except (OSError, RuntimeError, ValueError):  # no such folder, or the home of nobody
        return []
    shown = [entry for entry in entries if _is_shown_as_it_is(entry.name)]
    shown = [entry for entry in shown if name.startswith(".") or not entry.name.startswith(".")][:_MOST]
    names = [entry.name + ("/" if entry.is_dir() else "") for entry in shown]
    names.sort(key=lambda one: not (one.endswith("/") or wanted(one)))
    return [
        Offer(os.path.join(folder, one) if whole else one, len(start) if whole else len(name), one)  # noqa: PTH118 - keeps the ~ and ./ as typed
        for one in names
    ]


def _is_shown_as_it_is(name: str) -> bool:
    """Whether it is UTF-8 and has no control characters, which a terminal obeys."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return one_line(name) == name
