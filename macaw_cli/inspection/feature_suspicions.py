"""What looks wrong about the features of one medium."""

import hashlib

import numpy as np

FP16_MAX = 65504.0
NEAR_LIMIT = 0.5 * FP16_MAX


def suspicions(features: np.ndarray, null: np.ndarray | None = None) -> list[str]:
    """Reasons to look twice; none in the usual case.

    Args:
        features: (..., tokens, channels) fp16.
        null: features of an all-zero input.
    """
    values = features.astype(np.float32)
    if not np.isfinite(values).all():
        return ["holds NaN or infinite values"]
    found = []
    if not values.any():
        found.append("all values are zero")
    elif _equal_parts(values.reshape(-1, values.shape[-1])):
        found.append("all tokens are equal")
    elif values.ndim == 3 and _equal_parts(values):
        found.append("all frames gave the same features")
    if null is not None and np.array_equal(features, null):
        found.append("equal to the features of an empty input")
    largest = float(np.abs(values).max(initial=0.0))
    if largest > NEAR_LIMIT:
        found.append(f"values up to {largest:.0f}; fp16 ends at {FP16_MAX:.0f}")
    return found


class Twins:
    """Notices different media with equal features."""

    def __init__(self) -> None:
        self._seen: dict[bytes, tuple[str, str]] = {}

    def twin_of(self, key: str, path: str, features: np.ndarray) -> str:
        """The path of an earlier medium with other content and the very same features; empty when there is none."""
        digest = hashlib.sha256(str(features.shape).encode() + features.tobytes()).digest()
        first_key, first_path = self._seen.setdefault(digest, (key, path))
        return "" if first_key == key else first_path


def _equal_parts(values: np.ndarray) -> bool:
    return len(values) > 1 and bool((values == values[0]).all())
