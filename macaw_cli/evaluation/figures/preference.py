"""Whether the reference answer is likelier under its own media than under another example's.

Source: gap and preference are macaw's own; their intervals are named in `intervals.py`.

Needs no choices and no decoding, so it measures any dataset: captions, transcripts, dialogues.
"""

import math
from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np

from macaw_cli.evaluation.intervals import Media, design_effect, normal_interval, wilson_interval

TIE = 1e-4
"""Nats per answer token below which two likelihoods count as equal: the rounding of fp32."""


def gaps(likelihoods: Sequence[tuple[float, float, int]]) -> np.ndarray:
    """Per question, how much likelier the reference answer is with its own media.

    Args:
        likelihoods: per question the log-likelihood of the reference answer in nats with its own media and with
            another example's, and its number of tokens, the end token included. Pairs that are not finite are left out.

    Returns:
        (n,) float64, nats per answer token.
    """
    finite = [(own - other) / tokens for own, other, tokens in likelihoods if math.isfinite(own - other)]
    return np.array(finite, dtype=np.float64)


def preferences(gap: np.ndarray) -> np.ndarray:
    """1 where the own media make the answer likelier, 0 where the others' do, 0.5 for ties; (n,) float64."""
    return np.where(np.abs(gap) < TIE, 0.5, (gap > 0).astype(np.float64))


def measure_preference(
    likelihoods: Sequence[tuple[float, float, int]], media: Media | None = None
) -> dict[str, Any]:
    """`gap`, `preference` and their 95 % intervals, all None without a pair.

    `preference_n` is the number of pairs they are measured on, `non_finite` that of pairs left out because a
    likelihood is NaN or infinite.

    Args:
        likelihoods: as in `gaps`.
        media: of each pair's question; None takes all as independent.
    """
    gap = gaps(likelihoods)
    finite = [math.isfinite(real - other) for real, other, _ in likelihoods]
    own = media and [*compress(media, finite)]
    counts = {"preference_n": len(gap), "non_finite": len(likelihoods) - len(gap)}
    if not len(gap):
        return {"gap": None, "gap_ci95": None, "preference": None, "preference_ci95": None, **counts}
    preferred = preferences(gap)
    preference = float(preferred.mean())
    return {
        "gap": round(float(gap.mean()), 4),
        "gap_ci95": normal_interval(gap, own),
        "preference": round(preference, 4),
        "preference_ci95": wilson_interval(preference, len(gap) / design_effect(preferred, own)),
        **counts,
    }
