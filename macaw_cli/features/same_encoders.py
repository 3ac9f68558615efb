"""Features of one modality in a store come from one encoder with one set of settings."""

from collections.abc import Mapping
from typing import Any

from macaw_cli.basics.errors import MismatchError
from macaw_cli.basics.fingerprints import fingerprint, fingerprint_difference
from macaw_cli.modalities.table import Modality


def require_same(place: str, modality: Modality, stored: dict[str, Any], found: dict[str, Any]) -> None:
    """Refuse to mix features of two encoders, or of one with two settings.

    Args:
        place: of the store, as it is shown.
        modality: of the features.
        stored: fingerprint of the encoder that made what is there.
        found: of the one that would add to it.

    Raises:
        MismatchError: they differ; with both and every difference.
    """
    difference = fingerprint_difference(stored, found)
    if difference:
        details = "; ".join(f"{key}: {old!r} there, {new!r} now" for key, (old, new) in difference.items())
        there, now = (f"{one.get('model')} (fingerprint {fingerprint(one)})" for one in (stored, found))
        raise MismatchError(
            f"{place} holds {modality} features of {there}, not of {now}: {details}.",
            f"Use the same encoder and settings{_of_precision(difference)}, or another folder with --out.",
        )


def _of_precision(difference: Mapping[str, tuple[Any, Any]]) -> str:
    return f" (--set features.precision={difference['precision'][0]})" if "precision" in difference else ""
