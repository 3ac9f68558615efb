"""Images: a shape of the named colour at the named place."""

import numpy as np
import pytest

from macaw_cli.quickstart.attributes import ImageContent, all_images
from macaw_cli.quickstart.images import RGB, SIZE, draw_image


@pytest.mark.parametrize("picture", all_images()[::7], ids=lambda p: f"{p.colour}-{p.shape}-{p.place}")
def test_the_shape_has_its_colour_and_is_at_its_place(picture):
    pixels = np.asarray(draw_image(picture, np.random.default_rng(1)), dtype=float)
    assert pixels.shape == (SIZE, SIZE, 3)
    painted = np.abs(pixels - np.array(RGB[picture.colour])).max(axis=2) < 50
    assert 60 < painted.sum() < 700
    y, x = (positions.mean() - SIZE / 2 for positions in np.nonzero(painted))
    if picture.place == "middle":
        assert abs(x) < 10 and abs(y) < 10
    else:
        across, along = (x, y) if picture.place in ("top", "bottom") else (y, x)
        assert abs(across) < 10
        assert (along < -8) if picture.place in ("left", "top") else (along > 8)


def test_two_images_of_the_same_thing_differ():
    picture = ImageContent("red", "star", "top")
    first, second = (np.asarray(draw_image(picture, np.random.default_rng(seed))) for seed in (1, 2))
    assert not np.array_equal(first, second)
