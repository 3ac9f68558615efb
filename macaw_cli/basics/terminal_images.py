"""Images inside a terminal, where it can show them: which one can is told by the environment, nothing is asked."""

import base64
import os
import sys
from collections.abc import Mapping
from typing import Literal

from macaw_cli.basics.standard_streams import put

Protocol = Literal["kitty", "iterm2"]
_KITTY = {"ghostty"}
_ITERM2 = {"iTerm.app", "WezTerm"}
"""Values of TERM_PROGRAM."""
_KONSOLE = 220400
"""The first version of Konsole that shows images."""
_CHUNK = 4096
"""Bytes of base64 in one escape sequence of kitty's protocol."""


def image_protocol() -> Protocol | None:
    """How standard output shows images; None where it does not, or nobody knows."""
    return protocol_of(os.environ) if sys.stdout.isatty() else None


def protocol_of(environment: Mapping[str, str]) -> Protocol | None:
    """The protocol of the terminal that these variables describe.

    Inside tmux and screen, which would have to pass the image on, there is none.
    """
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if environment.get("TMUX") or environment.get("STY") or term.startswith(("tmux", "screen", "dumb")):
        return None
    if "KITTY_WINDOW_ID" in environment or term in ("xterm-kitty", "xterm-ghostty") or program in _KITTY:
        return "kitty"
    version = environment.get("KONSOLE_VERSION", "")
    if version.isdigit() and int(version) >= _KONSOLE:
        return "kitty"
    return "iterm2" if program in _ITERM2 or environment.get("LC_TERMINAL") == "iTerm2" else None


def show_image(png: bytes, protocol: Protocol) -> None:
    """Show a PNG at its own size, and go on below it."""
    put(f"{image_sequence(png, protocol)}\n", to_stdout=True)


def image_sequence(png: bytes, protocol: Protocol) -> str:
    """The escape sequences that show a PNG.

    Sources: kitty's terminal graphics protocol (`a=T` transmits and displays, `f=100` is PNG, `q=2` keeps the terminal
    from answering); iTerm2's inline images protocol (OSC 1337).
    """
    data = base64.b64encode(png).decode()
    if protocol == "iterm2":
        return f"\x1b]1337;File=inline=1;size={len(png)}:{data}\x07"
    chunks = [data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK)]
    sequences = []
    for number, chunk in enumerate(chunks):
        control = "a=T,f=100,q=2," if number == 0 else ""
        sequences.append(f"\x1b_G{control}m={int(number < len(chunks) - 1)};{chunk}\x1b\\")
    return "".join(sequences)
