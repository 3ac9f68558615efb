"""The media of a dataset with captions and mean features, among which `nearest-caption` looks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from macaw_cli.basics.console import progress, say
from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.describing.used_media import UsedMedium
from macaw_cli.dataset.feature_join import FeatureStores, spellings
from macaw_cli.dataset.items import iterate_items
from macaw_cli.dataset.media_names import MediaFolders
from macaw_cli.dataset.rejects import Reject
from macaw_cli.dataset.similar_media import CENTERED_FROM, directions, mean_features
from macaw_cli.dataset.source_specs import Source
from macaw_cli.experts.nearest_caption import Captioned
from macaw_cli.modalities.table import Modality

Captions = dict[tuple[Modality, str], str]
"""Modality and content key of a medium to its caption."""


@dataclass(frozen=True, slots=True)
class CaptionedMedia:
    """What is needed to find neighbours.

    Attributes:
        used: all media of the dataset.
        stores: their features.
        captions: of those that have one.
    """

    used: Sequence[UsedMedium]
    stores: FeatureStores
    captions: Captions

    def of(self, modality: Modality) -> Captioned:
        """The media of one modality.

        Raises:
            InputError: none of the training media has a caption.
        """
        mine = [one for one in self.used if one.medium.row.modality == modality]
        with progress(f"Comparing {modality} features", len(mine), "media") as advance:
            means = mean_features([one.medium for one in mine], self.stores, advance)
        trained = np.array([one.trained for one in mine], bool)
        seen = means[trained]
        center = seen.mean(axis=0, dtype=np.float64) if len(seen) >= CENTERED_FROM else np.zeros(means.shape[-1])
        texts = [self.captions.get(one.medium.identity, "") if one.trained else "" for one in mine]
        if mine and not any(texts):
            raise InputError(
                f"No {modality} of the training split has a caption for the expert nearest-caption.",
                "Name sources with their captions: `{name: nearest-caption, captions: FORMAT:PATH}`.",
            )
        places = {one.medium.row.key: at for at, one in enumerate(mine)}
        groups = np.array([one.group for one in mine], np.int64)
        usable = np.array([bool(text) for text in texts], bool)
        return Captioned(places, directions(means, center.astype(np.float32)), groups, texts, usable)


def captions_of(sources: Sequence[Source], stores: FeatureStores, folders: MediaFolders | None, seed: int) -> Captions:
    """The first caption of each medium that a row names alone.

    Args:
        sources: of rows with captions.
        stores: by which media are known.
        folders: where files are looked up by name.
        seed: decides which rows `#N` takes.

    Raises:
        InputError: a source cannot be read.
    """
    found: Captions = {}
    unknown = rejected = 0
    for source in sources:
        for item in iterate_items(source, seed):
            if isinstance(item, Reject):
                rejected += 1
                continue
            named = [(modality, name) for modality, names in item.media.items() for name in names]
            if len(named) != 1 or not item.captions or item.split == "val":
                continue
            modality, name = named[0]
            try:
                medium = stores.find(spellings(name, modality, source.path.parent, folders), modality)
            except InputError:
                unknown += 1
                continue
            found.setdefault(medium.identity, item.captions[0])
    if unknown or rejected:
        say(f"Of the captions for nearest-caption, {unknown:,} are of media without features; {rejected:,} rows are no "
            "captions.")  # fmt: skip
    return found
