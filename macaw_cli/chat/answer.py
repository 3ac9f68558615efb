"""One answer as the terminal shows it: its text, its numbers, and how long it took."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from macaw_cli.inference.engine import Generation
from macaw_cli.inference.requests import EndEvent, Ending


@dataclass
class Answer:
    """An answer while it grows and after it ended."""

    text: str = ""
    prompt_tokens: int = 0
    soft_tokens: dict[str, int] = field(default_factory=dict)
    """Those of `prompt_tokens` that stand for media, each modality and soundtracks counted separately: one per soft
    token, or one per medium where an injection shows it to the LLM."""
    completion_tokens: int = 0
    """Tokens generated, the end token not counted."""
    ending: Ending = "cancelled"
    """`cancelled`, by the reader, until the engine says otherwise."""
    first_token_s: float = 0.0
    tokens_per_s: float | None = None
    """Speed after the first token; None for a single token."""
    _started: float = field(default_factory=time.perf_counter, repr=False)

    def follow(self, generation: Generation) -> Iterator[str]:
        """The pieces of text that come, while this answer grows along."""
        for event in generation:
            if isinstance(event, EndEvent):
                self.ending = event.ending
                piece = event.rest
            else:
                self._count_token()
                piece = event.text
            self.text += piece
            if piece:
                yield piece

    def as_json(self) -> dict[str, Any]:
        """Its numbers, as scripts get them."""
        return {
            "finish_reason": self.ending,
            "usage": {
                "prompt_tokens": self.prompt_tokens,
                "completion_tokens": self.completion_tokens,
                "soft_tokens": self.soft_tokens,
            },
            "timings": {
                "first_token_s": round(self.first_token_s, 4),
                "tokens_per_s": None if self.tokens_per_s is None else round(self.tokens_per_s, 2),
            },
        }

    def _count_token(self) -> None:
        """Note that one more token is there."""
        now = time.perf_counter() - self._started
        self.completion_tokens += 1
        if self.completion_tokens == 1:
            self.first_token_s = now
        else:
            self.tokens_per_s = (self.completion_tokens - 1) / max(now - self.first_token_s, 1e-9)
