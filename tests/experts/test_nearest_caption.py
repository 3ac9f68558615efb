"""Whose caption a medium gets."""

import numpy as np
import pytest

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.experts.nearest_caption import NearestCaptionSettings
from macaw_cli.experts.expert import Surroundings
from macaw_cli.experts.nearest_caption import Captioned, NearestCaptionExpert, nearest_caption


def known(captions, groups=(0, 1, 2, 3)):
    """Four vectors, each most similar to its neighbour."""
    angles = np.array([0.0, 0.1, 0.3, 2.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    usable = np.array([bool(caption) for caption in captions])
    return Captioned({key: at for at, key in enumerate("abcd")}, vectors, np.array(groups), list(captions), usable)


@pytest.mark.parametrize(
    ("key", "captions", "groups", "expected"),
    [
        ("a", ["A", "B", "C", "D"], (0, 1, 2, 3), "B"),  # never its own
        ("a", ["A", "", "C", "D"], (0, 1, 2, 3), "C"),  # one without a caption, or held out, lends none
        ("a", ["A", "B", "C", "D"], (0, 0, 2, 3), "C"),  # nor does one that is connected
        ("d", ["A", "B", "C", ""], (0, 1, 2, 3), "C"),
        ("a", ["A", "", "", ""], (0, 1, 2, 3), ""),
    ],
)
def test_the_most_similar_medium_of_another_group_lends_its_caption(key, captions, groups, expected):
    assert nearest_caption(known(captions, groups), key) == expected


def test_files_outside_of_a_dataset_cannot_be_described():
    with pytest.raises(UsageError, match="nearest-caption"):
        NearestCaptionExpert(NearestCaptionSettings(), Surroundings())
