"""One format of the fuzzing: how a good one is made, which of its files are changed, and what reads them."""

from collections.abc import Callable
from dataclasses import dataclass

from macaw_cli.basics.errors import MacawError


@dataclass(frozen=True)
class Format:
    """A row of the table.

    Attributes:
        make: writes a good one into a folder.
        files: that are changed, by name.
        read: what a command does with the folder.
        share: of the usual number of examples; less than 1 where one takes long.
    """

    make: Callable
    files: list
    read: Callable
    share: float = 1.0


def clear(read):
    """Run it; one of the errors that a user is told is as good as a result."""
    try:
        return read()
    except MacawError as error:
        assert error.problem and len(error.problem) < 20_000
        return None
