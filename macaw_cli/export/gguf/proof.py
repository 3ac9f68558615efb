"""The proof of a GGUF export: what transformers' reader, and llama.cpp where it is installed, make of the files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from macaw_cli.export.proving.proof import Proof

LIMITS = {"f32": 1e-5, "f16": 1e-2, "q8_0": 3e-1}
"""Largest difference of logits that rounding explains, relative to the largest one, per number format; that of `q8_0`
was 6e-2 with SmolLM2 and 2e-1 with random weights."""
TIES = {"f32": 1e-5, "f16": 1e-2, "q8_0": 1e-1}
"""How near two logits of the source are, relative to the largest one, when either token is its choice."""
OWN_ARITHMETIC = 5e-3
"""What llama.cpp's half-precision tables and products add to it."""
COSINE = 1e-2
"""Largest cosine distance between llama.cpp's soft tokens and the model's."""


@dataclass(frozen=True)
class InLlamaCpp:
    """What llama.cpp made of the files."""

    version: str
    largest_difference: float
    """Of logits, relative to the largest one."""
    prompts: int
    same_prompts: int
    """Of these, those that it split into the model's own ids, media in their places."""
    answers: int
    same_answers: int
    """Of these greedy answers, those that are the model's up to the first near tie."""
    cosine_distance: float | None = None
    """Largest one of a soft token; None without a projector."""


@dataclass(frozen=True)
class GgufProof(Proof):
    """The proof by transformers' reader, and by llama.cpp where it is installed."""

    llama_cpp: InLlamaCpp | None = None

    @property
    def holds(self) -> bool:
        """Whether rounding explains all differences."""
        close = self.largest_difference <= self.limit and self.greedy_same == self.greedy_tokens
        found = self.llama_cpp
        if found is None:
            return close
        return (
            close
            and found.largest_difference <= self.limit + OWN_ARITHMETIC
            and found.same_prompts == found.prompts
            and found.same_answers == found.answers
            and (found.cosine_distance is None or found.cosine_distance <= COSINE)
        )

    def __str__(self) -> str:
        """The result in one sentence, for people."""
        said = super().__str__()
        found = self.llama_cpp
        if found is None:
            return f"{said} (llama.cpp is not installed: `pip install xllamacpp` adds its proof)"
        soft = "" if found.cosine_distance is None else f", soft tokens within {found.cosine_distance:.0e}"
        return (
            f"{said}; in llama.cpp ({found.version}) logits within {found.largest_difference:.1e},"
            f" {found.same_prompts} of {found.prompts} prompts and {found.same_answers} of {found.answers} answers"
            f" equal{soft}"
        )


def likeliest(logits: NDArray[Any], expected: NDArray[Any], tokens: Sequence[int], tolerance: float) -> NDArray[Any]:
    """Which tokens a greedy choice takes where `tokens` were taken before.

    Args:
        logits: (L, V) found at the positions that choose them.
        expected: (L, V) of the source, which chose `tokens`.
        tokens: L of them.
        tolerance: two logits of the source that are nearer than this are a tie, and either choice is that of the
            source.
    """
    chosen = logits[:, : expected.shape[1]].argmax(-1)
    places = np.arange(len(tokens))
    given = np.asarray(tokens, dtype=np.int64)
    tied = expected[places, given] - expected[places, chosen] <= tolerance
    return np.where(tied, given, chosen)


def same_answer(found: Sequence[int], expected: NDArray[Any], tokens: Sequence[int], tolerance: float) -> bool:
    """Whether a free greedy answer is the source's, at least up to the first token that is a tie in the source."""
    for place, (theirs, ours) in enumerate(zip(found, tokens, strict=False)):
        if theirs != ours:
            row = expected[place]
            return bool(theirs < len(row) and row[ours] - row[theirs] <= tolerance)
    return True


def cosine_distance(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """Largest one between the rows of (K, D); infinite for other shapes."""
    if ours.shape != theirs.shape:
        return float("inf")
    scale = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return float((1 - (ours * theirs).sum(1) / scale).max())
