"""Tab completion at the chat's prompt: commands, and paths behind the commands that take one."""

import os
from collections.abc import Callable
from pathlib import Path

from macaw_cli.basics.terminal_text import one_line
from macaw_cli.chat.lines import COMMANDS
from macaw_cli.modalities.table import MODALITIES

TAKES_PATH = tuple(f"/{modality} " for modality in MODALITIES)


def enable() -> None:
    """Switch on line editing and completion where Python has readline."""
    try:
        import readline
    except ImportError:  # Windows; the prompt works without
        return
    # whole-line completion: a path may hold any character, so no character may end a word
    readline.set_completer_delims("")
    readline.set_completer(completer(readline.get_line_buffer))
    libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")


def completer(line_buffer: Callable[[], str]) -> Callable[[str, int], str | None]:
    """The function that readline asks for the `state`-th completion of the line."""

    def complete(_: str, state: int) -> str | None:
        found = completions(line_buffer())
        return found[state] if state < len(found) else None

    return complete


def completions(line: str) -> list[str]:
    """All lines that `line` could become: `/im` -> `/image `, `/image ca` -> `/image cat.png`."""
    if line.startswith(TAKES_PATH):
        command, _, path = line.partition(" ")
        return [f"{command} {found}" for found in _paths(path.lstrip())]
    if line.startswith("/") and " " not in line:
        return [name + (" " if f"{name} " in TAKES_PATH else "") for name in COMMANDS if name.startswith(line)]
    return []


def _is_shown_as_it_is(name: str) -> bool:
    """Whether it has no control characters, which a terminal obeys; bytes that are no UTF-8 are shown by readline."""
    text = name.encode(errors="ignore").decode()
    return one_line(text) == text


def _paths(start: str) -> list[str]:
    folder, name = os.path.split(start)
    place = Path(folder).expanduser() if folder else Path()
    if not place.is_dir():
        return []
    named = (entry for entry in place.iterdir() if entry.name.startswith(name))
    entries = sorted(entry for entry in named if _is_shown_as_it_is(entry.name))
    hidden = name.startswith(".")
    shown = [entry for entry in entries if hidden or not entry.name.startswith(".")]
    return [os.path.join(folder, entry.name) + ("/" if entry.is_dir() else "") for entry in shown]  # noqa: PTH118 - keeps the ~ and ./ as typed
