"""Keys of rows that nothing reads although they hold text: whoever wrote them may have meant them to be trained on."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from macaw_cli.dataset.conversations import Conversation

READ = frozenset({"tags", "origin", "captions", "transcript", "boxes"})
"""Keys that are passed through and read later, or written by macaw itself."""
MOST_SHOWN = 10


def warning(conversations: Iterable[Conversation]) -> str:
    """One line with every such key and the rows that have it; empty without any.

    Args:
        conversations: with the keys that are passed through, under `extra`.
    """
    counts = Counter(
        key for one in conversations for key, value in one.extra.items() if key not in READ and _holds_text(value)
    )
    if not counts:
        return ""
    shown = ", ".join(f"{key} ({count:,})" for key, count in counts.most_common(MOST_SHOWN))
    more = f" and {len(counts) - MOST_SHOWN} more" if len(counts) > MOST_SHOWN else ""
    return f"Warning: text under these keys is kept but not used for training (number of rows):  {shown}{more}."


def _holds_text(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, dict):
        return any(map(_holds_text, value.values()))
    return isinstance(value, list) and any(map(_holds_text, value))
