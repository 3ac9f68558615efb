"""Foreign text made safe to show: no control characters, nothing that moves a cursor or turns the writing direction.

File names, captions, answers of models and reasons of servers may hold anything. `console.py` is the one door to the
terminal and passes everything through here; nothing else needs to think of it.
"""

import re

# compiled when first used: it takes as long as importing ten modules, and most text is printable
_SEQUENCES = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movements
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # OSC and the like: titles, links
    r"|\x1b[ -/]*[0-~]"
)
_CONTROLS = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f"
_DROPPED = f"[{_CONTROLS}]"
_DROPPED_FROM_LINES = f"[{_CONTROLS}\x0b-\x0d\x85\u2028\u2029]"
_BREAKS = "[\t-\r\x85\u2028\u2029]+ *"
_NOT_ENCODABLE = "[\ud800-\udfff]"
_IN_JSON = f"[{_CONTROLS}\x85\u2028\u2029\ud800-\udfff]"
_MARGIN = "^[\n]+|[\n]+$"


def one_line(text: str) -> str:
    """`text` as one line: escape sequences and control characters are dropped, a line break becomes a space."""
    if text.isprintable():
        return text
    return _shown_bytes(re.sub(_DROPPED, "", re.sub(_BREAKS, " ", re.sub(_SEQUENCES, "", re.sub(_MARGIN, "", text)))))


def lines(text: str) -> str:
    """Like `one_line`, for text of several lines such as an answer: line feeds and tabs stay."""
    if text.isprintable():
        return text
    return _shown_bytes(re.sub(_DROPPED_FROM_LINES, "", re.sub(_SEQUENCES, "", text)))


def in_json(text: str) -> str:
    """JSON with all such characters inside its strings as escapes: it means the same and is safe to show."""
    return re.sub(_IN_JSON, _as_json_escape, text)


def _as_json_escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))


def _shown_bytes(text: str) -> str:
    """Bytes of a file name that are no UTF-8, which Python keeps as lone surrogates, in hexadecimal."""
    return re.sub(_NOT_ENCODABLE, lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", text)
