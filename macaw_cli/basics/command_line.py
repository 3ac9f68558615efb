"""What the user typed, also in the processes that a command starts: their own arguments mean nothing to the user."""

import sys
from collections.abc import Sequence
from itertools import pairwise

from macaw_cli.basics.shell_words import to_type

_told: list[str] = []


def typed_command() -> list[str]:
    """The words of the command, from `macaw` on; without the one that the deepspeed launcher puts among them."""
    return list(_told) or ["macaw", *(word for word in sys.argv[1:] if not word.startswith("--local_rank="))]


def typed_option(command: str, option: str) -> str | None:
    """The value of an option such as `--out`, where it was typed behind this command; None where it was not."""
    words = typed_command()
    if command not in words:
        return None
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name == option:
            return value if equals else following
    return None


def typed_setting(command: str, key: str) -> bool:
    """Whether a setting was typed as `--set KEY=VALUE` behind this command."""
    words = typed_command()
    after = words[words.index(command) + 1 :] if command in words else []
    given = {following for word, following in pairwise(after) if word == "--set"}
    given |= {word.removeprefix("--set=") for word in after if word.startswith("--set=")}
    return any(one.partition("=")[0] == key for one in given)


def same_config(command: str) -> str:
    """` --config FILE` for the next command, where this one was typed with it; quoted for the shell, else empty."""
    config = typed_option(command, "--config")
    return f" {to_type('--config', config)}" if config else ""


def remember_typed_command(words: Sequence[str]) -> None:
    """Take over what was typed in the process that started this one; no words change nothing."""
    if words:
        _told[:] = words
