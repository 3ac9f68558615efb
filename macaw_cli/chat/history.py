"""What was typed into the chat, kept for the next one."""

from collections.abc import Iterator
from pathlib import Path

from prompt_toolkit.history import History

from macaw_cli.basics.private_lines import PrivateLines


class ChatHistory(History):
    """Entries in a file that only its user can read; a chat goes on without it.

    Args:
        file: is made with its folder when the first entry is stored.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._lines = PrivateLines(file)

    def load_history_strings(self) -> Iterator[str]:
        """The entries, the newest first."""
        yield from reversed(self._lines.texts())

    def store_string(self, string: str) -> None:
        """Add an entry."""
        self._lines.add(string)
