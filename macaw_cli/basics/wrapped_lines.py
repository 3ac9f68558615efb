"""Long lines for a terminal: broken at spaces, where the terminal itself would break them within words."""

import os
import re
from typing import TextIO

_WHOLE = re.compile(
    r"""Next:\ .*
    | `[^`]*`
    | (?<!\w) (?: '[^']*' | "[^"]*" ) (?!\w)
    | \b pip\ install (?: \ -c\ [^ ]+ | \ -[^ ]+ )* \ (?: '[^']*' | "[^"]*" | [^ ]+ )
    | \b macaw\ [a-z-]+ (?: \ --[^ ]+ )*
    | --set\ [^ ]+""",
    re.VERBOSE,
)
"""What may be copied into a shell, where a line break would end it: quoted text, and commands."""


def at_spaces(text: str, stream: TextIO | None, indent: str = "") -> str:
    """`text` in lines that fit into the terminal which `stream` writes to; as it is where that is no terminal.

    A word that is longer than a line, such as a path without spaces, stays whole, and so do quoted text, commands, and
    all that follows "Next:": they can be copied from where the terminal breaks them.

    Args:
        text: one line.
        stream: that it will be written to.
        indent: stands before each line but the first.
    """
    width = _columns(stream)
    if not width or (text.isascii() and len(text) <= width):
        return text
    from rich.cells import cell_len  # only for a long line in a terminal

    first, *words = _words(text)
    found = [first]
    for word in words:
        column = (max(cell_len(found[-1]), 1) - 1) % width + 1  # a long word has been broken by the terminal
        if len(found) > 1 and found[-1] == indent:  # of several spaces none begins a line
            found[-1] += word
        elif not found[-1].strip() or column + 1 + cell_len(word) <= width:
            found[-1] += f" {word}"
        else:
            found.append(indent + word)
    return "\n".join(line.rstrip() for line in found)


def _words(text: str) -> list[str]:
    """`text` without the spaces at which it may be broken."""
    whole = [found.span() for found in _WHOLE.finditer(text)]
    words, begin = [], 0
    for space in (found.start() for found in re.finditer(" ", text)):
        if not any(first < space < last for first, last in whole):
            words.append(text[begin:space])
            begin = space + 1
    return [*words, text[begin:]]


def _columns(stream: TextIO | None) -> int:
    """Of the terminal; 0 without one."""
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream and stream.isatty() else 0
    except (OSError, ValueError):  # closed, or no file
        return 0
