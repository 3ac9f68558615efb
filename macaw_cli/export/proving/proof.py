"""The proof of an export: what its own loader makes of the examples, compared with what the source makes of them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from macaw_cli.basics.counts import counted
from macaw_cli.export.proving.answers import Answer
from macaw_cli.export.proving.examples import ProofExample, modalities_of

LIMITS = {torch.float32: 1e-5, torch.bfloat16: 3e-2, torch.float16: 1e-2}
"""Largest difference that rounding explains, relative to the largest logit, per number format of the weights."""


@dataclass(frozen=True)
class Proof:
    """How close the loaded export came."""

    loader: str
    """Who loaded it."""
    modalities: tuple[str, ...]
    examples: int
    real_media: int
    """Examples whose media are files of the workspace; the media of the others are noise."""
    positions: int
    """Positions whose logits were compared."""
    largest_difference: float
    """Over all logits, relative to the largest one of the source."""
    limit: float
    same_likeliest: float
    """Share of the positions at which both find the same token likeliest."""
    greedy_tokens: int
    """Tokens of the source's greedy answers."""
    greedy_same: int
    """Of these, those up to the first difference in each answer."""

    @property
    def holds(self) -> bool:
        """Whether rounding explains the difference, and the answers are equal."""
        close = self.largest_difference <= self.limit  # false for NaN as well
        return close and self.greedy_same == self.greedy_tokens

    def as_json(self) -> dict[str, Any]:
        """The proof as it stands in the export's report."""
        return asdict(self)

    def __str__(self) -> str:
        """The result in one sentence, for people."""
        return (
            f"largest logit difference {self.largest_difference:.1e} of the largest logit (limit {self.limit:.0e}),"
            f" the same likeliest token at {self.same_likeliest:.0%} of {self.positions} positions,"
            f" {self.greedy_same} of {self.greedy_tokens} greedy tokens equal,"
            f" in {counted(self.examples, 'example')}"
        )


def compare(
    expected: Sequence[Answer], found: Sequence[Answer], examples: Sequence[ProofExample], limit: float, loader: str
) -> Proof:
    """Compare answers to the same examples.

    Args:
        expected: of the source.
        found: of who loaded the export. More columns of logits are further tokens, which are not compared; other
            differences in shape, and missing answers, count as infinitely different.
        examples: that were answered.
        limit: largest relative difference of logits that rounding explains.
        loader: who loaded the export.
    """
    pairs = list(zip(expected, found, strict=False)) if len(expected) == len(found) else []
    differences = [_difference(ours.logits, theirs.logits) for ours, theirs in pairs] or [(float("inf"), 0)]
    scale = max(float(np.abs(one.logits).max()) for one in expected)
    positions = sum(len(one.logits) for one in expected)
    same_tokens = sum(_same_tokens(ours.greedy, theirs.greedy) for ours, theirs in pairs)
    return Proof(
        loader, modalities_of(examples), len(examples), sum(one.origin != "noise" for one in examples), positions,
        float(np.max([difference for difference, _ in differences])) / scale, limit,
        sum(same for _, same in differences) / positions,
        sum(len(one.greedy) for one in expected), same_tokens,
    )  # fmt: skip


def _difference(ours: Any, theirs: Any) -> tuple[float, int]:
    """Largest difference, and the number of positions with the same likeliest token."""
    if len(ours) != len(theirs) or theirs.shape[-1] < ours.shape[-1]:
        return float("inf"), 0
    theirs = theirs[:, : ours.shape[-1]]
    return float(np.abs(ours - theirs).max()), int((ours.argmax(-1) == theirs.argmax(-1)).sum())


def _same_tokens(ours: Any, theirs: Any) -> int:
    """Tokens up to the first difference; those that only the other answer has count as a difference in the last."""
    common = min(len(ours), len(theirs))
    different = np.flatnonzero(ours[:common] != theirs[:common])
    same = int(different[0]) if len(different) else common
    return same - (len(theirs) > len(ours) == same > 0)
