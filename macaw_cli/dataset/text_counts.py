"""Words in the conversations that are used, by source, by kind and by media: from the columns alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from macaw_cli.dataset.reading import Reading
from macaw_cli.dataset.samples import Identity
from macaw_cli.dataset.scratch.columns import read_column
from macaw_cli.reports.text_figures import NO_KIND, TextCounts, media_name

WORDS = ("turns", "instruction_words", "response_words")


@dataclass(frozen=True, slots=True)
class UsedTexts:
    """The counts of a build."""

    sources: list[TextCounts]
    """In the order of the sources."""
    kinds: dict[str, TextCounts]
    media: dict[str, TextCounts]
    """By the modalities of the media, such as `image` or `audio+video`; `text` without any."""


def count_texts(reading: Reading, folder: Path, kept: np.ndarray, sources: int) -> UsedTexts:
    """Count the conversations that are used.

    Args:
        reading: what was read.
        folder: of the columns.
        kept: (conversations,) bool: which are used.
        sources: how many there are.
    """
    words = {name: read_column(folder, name, np.uint32)[kept] for name in WORDS}
    identities = reading.media.identities()
    names = [media_name(_modalities(media, identities)) for media in reading.sets]
    of_media = list(dict.fromkeys(names))
    of_set = np.array([of_media.index(name) for name in names])
    kinds = [kind or NO_KIND for kind in reading.kinds]
    return UsedTexts(
        sources=_sums(read_column(folder, "source", np.uint32)[kept], words, sources),
        kinds=_by_name(kinds, _sums(read_column(folder, "kind", np.uint32)[kept], words, len(kinds))),
        media=_by_name(of_media, _sums(of_set[read_column(folder, "set", np.uint32)[kept]], words, len(of_media))),
    )


def _sums(groups: np.ndarray, words: dict[str, np.ndarray], count: int) -> list[TextCounts]:
    """Of each group; sums of whole numbers below 2^53 are exact in fp64."""
    sums = [np.bincount(groups, weights=words[name], minlength=count).astype(np.int64).tolist() for name in WORDS]
    sizes = np.bincount(groups, minlength=count).tolist()
    return [TextCounts(*row) for row in zip(sizes, *sums, strict=True)]


def _by_name(names: Sequence[str], counts: Sequence[TextCounts]) -> dict[str, TextCounts]:
    return {name: one for name, one in sorted(zip(names, counts, strict=True)) if one.conversations}


def _modalities(media: frozenset[int], identities: Sequence[Identity]) -> set[str]:
    """Of a set of media; a soundtrack, which has its video's key, is no medium of its own."""
    videos = {identities[medium][1] for medium in media if identities[medium][0] == "video"}
    return {
        identities[medium][0]
        for medium in media
        if identities[medium][0] == "video" or identities[medium][1] not in videos
    }
