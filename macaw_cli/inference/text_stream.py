"""From tokens to text while they come: only what later tokens cannot change, up to the first stop string."""

from collections.abc import Sequence
from typing import Any

UNFINISHED = "\N{REPLACEMENT CHARACTER}"
"""What tokenizers decode to where the bytes of a character are not all there yet."""


class TextStream:
    """The text of one answer.

    Args:
        tokenizer: decodes the tokens.
        stop: texts that end the answer; none of them and nothing behind them becomes part of it.
    """

    def __init__(self, tokenizer: Any, stop: Sequence[str] = ()) -> None:
        self._tokenizer = tokenizer
        self._stop = [text for text in stop if text]
        self.tokens: list[int] = []
        self.text = ""
        """What was given out."""
        self.stopped = False
        """Whether a stop string came."""

    def add(self, token: int) -> str:
        """The text that is certain with one more token, and was not before."""
        self.tokens.append(token)
        whole = self._decoded()
        if whole.endswith(UNFINISHED):
            return ""
        return self._given_out(self._before_stop(whole))

    def finish(self) -> str:
        """The rest, when no more tokens come."""
        whole = self._decoded()
        return self._given_out(whole if not self._stop else self._before_stop(whole, held_back=False))

    def _decoded(self) -> str:
        text: str = self._tokenizer.decode(self.tokens, skip_special_tokens=True)
        return text

    def _before_stop(self, whole: str, *, held_back: bool = True) -> str:
        """What stands before the first stop string, and before an end that may become one."""
        found = [place for text in self._stop if (place := whole.find(text)) >= 0]
        if found:
            self.stopped = True
            return whole[: min(found)]
        begun = max((_begun(whole, text) for text in self._stop), default=0) if held_back else 0
        return whole[: len(whole) - begun]

    def _given_out(self, certain: str) -> str:
        if len(certain) <= len(self.text):
            return ""
        piece, self.text = certain[len(self.text) :], certain
        return piece


def _begun(whole: str, stop: str) -> int:
    """Length of the longest end of `whole` that is the beginning of `stop`."""
    lengths = range(min(len(stop) - 1, len(whole)), 0, -1)
    return next((length for length in lengths if whole.endswith(stop[:length])), 0)
