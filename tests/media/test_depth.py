"""Depth and normal maps as an image encoder sees them."""

import numpy as np
import pytest
from PIL import Image

from macaw_cli.basics.errors import InputError
from macaw_cli.media.decoding import decode
from macaw_cli.media.kinds import modality_of
from macaw_cli.media.size_limits import TooLarge

DEPTHS = np.array([[0, 1000, 2000], [3000, 4000, 5000]], np.uint16)


def rendered(path, modality="depth", **more):
    return decode({"path": str(path), "modality": modality, **more})


def write(folder, kind, values=DEPTHS):
    path = folder / f"map.depth{kind}"
    np.save(path, values) if kind == ".npy" else Image.fromarray(values).save(path)
    return path


@pytest.mark.parametrize("kind", [".png", ".tif", ".npy"])
def test_the_near_is_bright_the_far_is_dark_and_the_unknown_black(tmp_path, kind):
    path = write(tmp_path, kind)
    known, arrays = rendered(path)
    grey = arrays["depth"]
    assert modality_of(path) == "depth" and known == {"size": [3, 2]}
    assert grey.shape == (2, 3, 3) and grey.dtype == np.uint8
    assert (grey == grey[:, :, :1]).all()
    assert grey[0, 0, 0] == 0
    assert list(grey[:, :, 0].ravel()[1:]) == sorted(grey[:, :, 0].ravel()[1:], reverse=True)
    assert (grey[0, 1, 0], grey[1, 2, 0]) == (255, 32)


def test_metres_and_millimetres_are_rendered_alike_and_infinity_is_unknown(tmp_path):
    metres = np.where(DEPTHS, DEPTHS / 1000, np.inf)
    first, second = write(tmp_path, ".png"), write(tmp_path, ".npy", metres)
    np.testing.assert_array_equal(rendered(first)[1]["depth"], rendered(second)[1]["depth"])


def test_of_a_palette_the_greys_count_and_not_their_numbers(tmp_path):
    places = Image.fromarray(np.array([[0, 1, 2], [2, 1, 0]], np.uint8)).convert("L")
    places = Image.frombytes("P", places.size, places.tobytes())
    for name, shades in (("grey", [200, 200, 200, 10, 10, 10, 90, 90, 90]), ("red", [200, 0, 0, 10, 0, 0, 90, 0, 0])):
        places.putpalette(shades + [0] * (768 - len(shades)))
        places.save(tmp_path / f"{name}.depth.png")
    plain = write(tmp_path, ".png", np.array([[200, 10, 90], [90, 10, 200]], np.uint8))
    expected = rendered(plain)[1]["depth"]
    np.testing.assert_array_equal(rendered(tmp_path / "grey.depth.png")[1]["depth"], expected)
    with pytest.raises(InputError, match="one channel"):
        rendered(tmp_path / "red.depth.png")


def test_a_flat_map_is_even_and_a_map_is_fitted_to_the_encoder(tmp_path):
    path = write(tmp_path, ".npy", np.full((4, 6), 2.5))
    geometry = {"size": {"height": 2, "width": 2}, "resample": 2, "crop": None}
    assert (rendered(path, geometry=geometry)[1]["depth"] == np.full((2, 2, 3), 255)).all()


@pytest.mark.parametrize("values", [np.zeros((2, 2)), np.zeros((2, 2, 3)), np.zeros((0, 3)), np.array(["a"])])
def test_what_is_no_depth_map_is_refused(tmp_path, values):
    with pytest.raises(InputError, match=r"map\.depth"):
        rendered(write(tmp_path, ".npy", values))


def test_broken_and_too_large_maps_are_refused(tmp_path):
    (tmp_path / "a.depth.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InputError, match=r"a\.depth"):
        rendered(tmp_path / "a.depth.png")
    with pytest.raises(TooLarge):
        rendered(write(tmp_path, ".png"), limits={"pixels": 5, "frames": 1, "seconds": 1})


def test_normals_are_rendered_in_the_usual_colours(tmp_path):
    normals = np.zeros((1, 3, 3))
    normals[0, 0], normals[0, 1], normals[0, 2] = (0, 0, 2), (-1, 0, 0), (0, np.nan, 0)
    np.save(tmp_path / "a.normal.npy", normals)
    _, arrays = rendered(tmp_path / "a.normal.npy", "normal")
    assert arrays["normal"].tolist() == [[[128, 128, 255], [0, 128, 128], [128, 128, 128]]]
    Image.fromarray(arrays["normal"]).save(tmp_path / "b.normal.png")
    np.testing.assert_array_equal(rendered(tmp_path / "b.normal.png", "normal")[1]["normal"], arrays["normal"])
    np.save(tmp_path / "c.normal.npy", normals[0])
    with pytest.raises(InputError, match=r"c\.normal"):
        rendered(tmp_path / "c.normal.npy", "normal")
