"""Patches and the instance norm against those of transformers' PatchTST."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import PatchTSTConfig
from transformers.models.patchtst.modeling_patchtst import PatchTSTPatchify, PatchTSTStdScaler

from macaw_cli.model.blocks.patches import instance_normed, patch_count, patches


@pytest.mark.parametrize(("steps", "length", "stride"), [(50, 16, 8), (48, 16, 8), (51, 7, 3), (20, 5, 9)])
def test_patches_that_end_with_the_last_step_are_those_of_patchtst(steps, length, stride):
    config = PatchTSTConfig(context_length=steps, patch_length=length, patch_stride=stride, num_input_channels=3)
    series = torch.randn(steps, 3)
    expected = PatchTSTPatchify(config)(series[None]).transpose(1, 2)
    assert torch.equal(patches(series[None], length, stride, at_end=False), expected)


def test_the_last_step_is_repeated_at_the_end():
    (found,) = patches(torch.arange(7.0)[None, :, None], 4, 2, at_end=True)
    assert found[:, 0].tolist() == [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 6]]


@pytest.mark.parametrize("at_end", [True, False])
def test_a_short_series_makes_one_patch_or_more(at_end):
    (found,) = patches(torch.tensor([[[1.0], [2.0]]]), 4, 2, at_end=at_end)
    assert found[0, 0].tolist() == [1, 2, 2, 2]
    assert len(found) == patch_count(2, 4, 2, at_end=at_end) == 1


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 20), st.booleans())
def test_as_many_patches_as_are_counted(steps, length, stride, at_end):
    found = patches(torch.zeros(3, steps, 2), length, stride, at_end=at_end)
    assert found.shape == (3, patch_count(steps, length, stride, at_end=at_end), 2, length)


def test_the_instance_norm_is_that_of_patchtst():
    series = torch.randn(2, 30, 3) * 4 + 7
    normed, mean, scale = instance_normed(series)
    expected, location, size = PatchTSTStdScaler(PatchTSTConfig())(series, torch.ones(2, 30, 3, dtype=bool))
    torch.testing.assert_close(normed, expected)
    torch.testing.assert_close(mean, location[:, 0])
    torch.testing.assert_close(scale, size[:, 0])
