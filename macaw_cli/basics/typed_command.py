"""What the user typed, also in the processes that a command starts: their own arguments would tell nobody anything."""

import sys
from collections.abc import Sequence

_told: list[str] = []


def typed_command() -> list[str]:
    """The words of the command, from `macaw` on."""
    return list(_told) or ["macaw", *sys.argv[1:]]


def remember_typed_command(words: Sequence[str]) -> None:
    """Take over what was typed in the process that started this one; no words change nothing."""
    if words:
        _told[:] = words
