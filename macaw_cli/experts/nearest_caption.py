"""The caption of the most similar training medium, out of cached features: retrieval in the place of a captioner.

Similarity is the cosine of mean features, as in the leak check of a dataset. Neither the medium itself nor one that
occurs with it in a conversation, directly or over others, lends its caption; and only media of the training split do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.experts.nearest_caption import NearestCaptionSettings
from macaw_cli.experts.expert import Expert, Medium, Surroundings


@dataclass(frozen=True)
class Captioned:
    """The media of one modality in a dataset, with what is known of them.

    Attributes:
        places: content key of a medium to its row below.
        vectors: (n, channels) fp32 of norm 1: mean features.
        groups: (n,) equal for media that conversations connect.
        captions: (n,) texts; empty for media that may not be retrieved: held out, or without a caption.
        usable: (n,) whether there is a caption.
    """

    places: Mapping[str, int]
    vectors: np.ndarray
    groups: np.ndarray
    captions: list[str]
    usable: np.ndarray


class NearestCaptionExpert(Expert[NearestCaptionSettings]):
    """Describes media of a dataset by their neighbours.

    Raises:
        UsageError: there is no dataset.
    """

    nothing = "no caption"
    cached = False

    def __init__(self, settings: NearestCaptionSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        if surroundings.captioned is None:
            raise UsageError(
                "The expert nearest-caption describes the media of a dataset, not files.",
                "Use other experts, such as transcript and tags.",
            )
        self._captioned = surroundings.captioned
        self._loaded: dict[str, Captioned] = {}
        self.fingerprint = dict(surroundings.identity)

    def text(self, medium: Medium) -> str:
        """See `Expert.text`."""
        if medium.modality not in self._loaded:
            self._loaded[medium.modality] = self._captioned(medium.modality)
        return nearest_caption(self._loaded[medium.modality], medium.key)


def nearest_caption(known: Captioned, key: str) -> str:
    """The caption of the most similar medium of another group; of equally similar ones the first. Empty for none.

    Args:
        known: all media of the modality.
        key: of the medium that is described.
    """
    own = known.places[key]
    usable = known.usable & (known.groups != known.groups[own])
    if not usable.any():
        return ""
    similar: Any = known.vectors @ known.vectors[own]
    similar[~usable] = -np.inf
    return known.captions[int(similar.argmax())]
