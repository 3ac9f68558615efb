"""Groups of examples by their media, and the sums of a step."""

import math
from types import SimpleNamespace

import pytest
import torch

from macaw_cli.model.packing.token_weights import TokenWeights
from macaw_cli.training.weighting.groups import LossGroups, group_name


def row(*modalities):
    return SimpleNamespace(media=[SimpleNamespace(modality=name) for name in modalities])


def test_a_group_is_the_set_of_modalities():
    assert group_name(row()) == "text"
    assert group_name(row("image", "image")) == "image"
    assert group_name(row("video", "audio")) == group_name(row("audio", "video")) == "audio+video"


def test_the_figures_of_a_step_are_means_over_all_tokens_of_a_group():
    groups = LossGroups([row("image"), row(), row("audio"), row("image")])
    assert groups.names == ("audio", "image", "text")
    assert groups.of_examples.tolist() == [1, 2, 0, 1]
    one, other = (TokenWeights(torch.ones(3)) for _ in range(2))
    one.losses, one.squared_gradients = torch.tensor([1.0, 2.0, 6.0]), torch.tensor([1.0, 1.0, 4.0])
    other.losses, other.squared_gradients = torch.tensor([4.0, 5.0, 0.5]), torch.tensor([0.0, 2.0, 2.0])
    sums = [
        groups.sums(one, torch.tensor([1, 1, 2])).tolist(),
        groups.sums(other, torch.tensor([1, 2, 2])).tolist(),
    ]
    figures = groups.figures(sums)
    assert set(figures) == {"image", "text"}
    assert figures["image"].loss == pytest.approx(7 / 3)
    assert figures["text"].loss == pytest.approx(11.5 / 3)
    assert figures["image"].gradient == pytest.approx(math.sqrt(2 / 3))
