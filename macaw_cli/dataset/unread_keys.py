"""Keys of rows that nothing reads although they hold text: whoever wrote them may have meant them to be trained on."""

from collections import Counter
from typing import Any

from macaw_cli.dataset.conversations import Conversation

READ = frozenset({"tags", "origin", "captions", "transcript", "boxes"})
"""Keys that are passed through and read later, or written by macaw itself."""
MOST_SHOWN = 10


class UnreadKeys:
    """Counts such keys over conversations, which have them under `extra`."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, conversation: Conversation) -> None:
        """One more conversation."""
        for key, value in conversation.extra.items():
            if key not in READ and _holds_text(value):
                self._counts[key] += 1

    def warning(self) -> str:
        """One line with every such key and the rows that have it; empty without any."""
        if not self._counts:
            return ""
        shown = ", ".join(f"{key} ({count:,})" for key, count in self._counts.most_common(MOST_SHOWN))
        more = f" and {len(self._counts) - MOST_SHOWN} more" if len(self._counts) > MOST_SHOWN else ""
        return f"Warning: text under these keys is kept but not used for training (number of rows):  {shown}{more}."


def _holds_text(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, dict):
        return any(map(_holds_text, value.values()))
    return isinstance(value, list) and any(map(_holds_text, value))
