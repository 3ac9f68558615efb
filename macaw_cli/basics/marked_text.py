"""Text of which some stretches are marked: by colour in a terminal, by brackets in a pipe."""

import os
import sys
from collections.abc import Iterable

from macaw_cli.basics import distributed
from macaw_cli.basics.redaction import redacted
from macaw_cli.basics.standard_streams import put
from macaw_cli.basics.terminal_text import lines

OPENING, CLOSING = "[[", "]]"
_COLOUR, _PLAIN = "\x1b[1;32m", "\x1b[0m"


def result_marked(pieces: Iterable[tuple[str, bool]]) -> None:
    """Lines of result on stdout, from the main process only.

    Args:
        pieces: text, which may have line breaks, and whether it is marked.

    Raises:
        ResourceError: standard output is closed or full.
    """
    if distributed.is_main():
        put(marked(pieces, in_colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR")) + "\n", to_stdout=True)


def marked(pieces: Iterable[tuple[str, bool]], *, in_colour: bool) -> str:
    """The pieces as one text; what they hold themselves cannot change the terminal."""
    opening, closing = (_COLOUR, _PLAIN) if in_colour else (OPENING, CLOSING)
    shown = [(redacted(lines(text)), chosen) for text, chosen in pieces]
    return "".join(f"{opening}{text}{closing}" if chosen else text for text, chosen in shown)
