"""Which kinds of questions belong to which modality in the figures of an evaluation, of any version."""

from collections.abc import Mapping
from typing import Any


def modality_of(kind: str, measured: Mapping[str, Any]) -> str:
    """What media the questions of a kind have, such as `image` or `image+audio`.

    Args:
        kind: its name; version 1 of the figures tells the modality only there, as in `image/colour`.
        measured: its figures.
    """
    return str(measured.get("modality") or kind.strip().partition("/")[0])


def kinds_below(figures: Mapping[str, Any], modality: str) -> dict[str, Mapping[str, Any]]:
    """The kinds of one modality with their figures; none where its only kind is called like the modality itself.

    Args:
        figures: with `kinds`.
        modality: one of `modalities` in the figures.
    """
    below = {kind: seen for kind, seen in (figures.get("kinds") or {}).items() if modality_of(kind, seen) == modality}
    return {} if list(below) == [modality] else below
