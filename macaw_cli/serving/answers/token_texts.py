"""What one token stands for: its text behind other tokens, and its bytes, which need not be whole characters."""

import re
from functools import cache
from typing import Any

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
"""How SentencePiece writes a token of one byte."""
_CUT = "\N{REPLACEMENT CHARACTER}"


def token_text(tokenizer: Any, token: int) -> str:
    """The text of a token as it stands behind others: SentencePiece drops the space before a token that comes first.

    Args:
        tokenizer: of the LLM.
        token: its id.
    """
    alone: str = tokenizer.decode([token])
    twice: str = tokenizer.decode([token, token])
    return twice.removeprefix(alone) if twice.startswith(alone) else alone


def token_bytes(tokenizer: Any, token: int, text: str) -> bytes:
    """The bytes of a token.

    Args:
        tokenizer: of the LLM.
        token: its id.
        text: see `token_text`.
    """
    if _CUT not in text:
        return text.encode()
    written: str = tokenizer.convert_ids_to_tokens(token)
    if one := _BYTE.fullmatch(written):
        return bytes([int(one[1], 16)])
    letters = _byte_letters()
    if all(letter in letters for letter in written):
        return bytes(letters[letter] for letter in written)
    return text.encode()


@cache
def _byte_letters() -> dict[str, int]:
    """The alphabet of byte-level BPE: visible characters stand for themselves, other bytes for those behind U+00FF."""
    visible = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    others = [byte for byte in range(256) if byte not in visible]
    shown = {chr(byte): byte for byte in visible}
    return shown | {chr(0x100 + place): byte for place, byte in enumerate(others)}
