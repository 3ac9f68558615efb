"""Tokens side by side, and how many rows that makes."""

import pytest
import torch

from macaw_cli.model.blocks.stacking import stacked, stacked_count


@pytest.mark.parametrize(
    ("shape", "filled", "dropped"),
    [((10, 3), 3, 2), ((8, 3), 2, 2), ((3, 3), 1, 1), ((4, 9, 3), 12, 8), ((5, 1, 3), 2, 1), ((2, 1, 3), 1, 1)],
)
def test_the_last_tokens_are_filled_up_or_left_out(shape, filled, dropped):
    features = torch.randn(shape)
    assert stacked(features, 4).shape == (filled, 12)
    assert stacked(features, 4, drop=True).shape == (dropped, 12)
    assert (stacked_count(shape, 4), stacked_count(shape, 4, drop=True)) == (filled, dropped)


def test_what_is_dropped_is_the_end():
    features = torch.arange(1.0, 12.0)[:, None]
    assert stacked(features, 4, drop=True).tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert stacked(features[:3], 4, drop=True).tolist() == [[1, 2, 3, 0]]
