"""Whether stored features are what an expert's own encoder would make."""

from collections.abc import Mapping
from typing import Any

_FREE = frozenset({"model", "precision", "audio_windows", "audio_padding", "frames", "pool_frames", "cls"})
"""Keys of a fingerprint that are judged by whoever asks, or say nothing of the numbers."""
_EXACT = ("fp32", "tf32")
"""Number formats of a computation after which features are those of fp32, but for rounding to fp16."""


def are_features_of(
    encoder: Mapping[str, Any], stored: Mapping[str, Any], without_effect: frozenset[str] = frozenset()
) -> bool:
    """Whether a store's fingerprint says the same weights, outputs and preprocessing as that of an encoder.

    Args:
        encoder: fingerprint of the encoder.
        stored: fingerprint of the features.
        without_effect: settings that change nothing in this architecture.
    """
    if stored.get("precision", "fp32") not in _EXACT:
        return False
    keys = (set(encoder) | set(stored)) - _FREE - without_effect
    return all(encoder.get(key) == stored.get(key) for key in keys)
