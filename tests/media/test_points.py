"""Point clouds: their files, and their groups."""

import numpy as np
import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.media.decoding import decode
from macaw_cli.media.point_files import read_points
from macaw_cli.media.points import farthest_points
from macaw_cli.modalities.points import GROUPS, NEIGHBOURS

PLACES = np.random.default_rng(0).normal(0, 3, (200, 3)).astype(np.float32)
COLOURS = np.random.default_rng(1).integers(0, 256, (200, 3))
PROPERTIES = [*(f"property float {axis}" for axis in "xyz"), *(f"property uchar {c}" for c in ("red", "green", "blue"))]


def ply(form, body, properties=PROPERTIES, count=200):
    lines = ["ply", f"format {form} 1.0", "comment made by hand", f"element vertex {count}", *properties]
    faces = ["element face 0", "property list uchar int vertex_indices"]
    return "\n".join([*lines, *faces, "end_header", ""]).encode() + body


def write(folder, kind):
    path = folder / f"cloud.points{'.ply' if kind in ('ascii', 'little', 'big') else kind}"
    if kind == ".npy":
        np.save(path, np.concatenate([PLACES, COLOURS], axis=1))
    elif kind in ("little", "big"):
        order = "<" if kind == "little" else ">"
        rows = np.empty(200, [(axis, f"{order}f4") for axis in "xyz"] + [(c, "u1") for c in "rgb"])
        for name, column in zip("xyzrgb", [*PLACES.T, *COLOURS.T], strict=True):
            rows[name] = column
        path.write_bytes(ply(f"binary_{kind}_endian", rows.tobytes()))
    else:
        lines = [" ".join(map(repr, [*map(float, place), *map(int, colour)])) for place, colour in
                 zip(PLACES, COLOURS, strict=True)]  # fmt: skip
        text = "\n".join(lines) + "\n"
        path.write_bytes(ply("ascii", text.encode()) if kind == "ascii" else f"# x y z\n{text}".encode())
    return path


@pytest.mark.parametrize("kind", ["ascii", "little", "big", ".xyz", ".npy"])
def test_points_and_colours_are_read(tmp_path, kind):
    points = read_points(write(tmp_path, kind))
    np.testing.assert_allclose(points[:, :3], PLACES, rtol=1e-6)
    np.testing.assert_allclose(points[:, 3:], COLOURS / 255, rtol=1e-6)


def test_groups_hold_neighbours_around_centres_that_are_spread(tmp_path):
    known, arrays = decode({"path": str(write(tmp_path, "little")), "modality": "points"})
    groups = arrays["points"]
    assert groups.shape == (GROUPS, 22 + 6 * NEIGHBOURS)
    assert known["points"] == 200 and known["coloured"]
    centred = PLACES - PLACES.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1).max()
    centres, neighbours = groups[:, :3] / 3, groups[:, 22:].reshape(GROUPS, NEIGHBOURS, 6)
    radius = np.exp(groups[:, 21]) - 1e-3
    np.testing.assert_allclose(groups[:, 3:6], np.sin(np.pi * centres), atol=1e-5)
    np.testing.assert_allclose(neighbours[:, 0, :3], 0, atol=1e-5)  # the nearest point of a centre is itself
    distances = np.linalg.norm(unit[None] - centres[:, None], axis=2)
    ranks = np.linspace(0, 200 // 8 - 1, NEIGHBOURS).astype(int)
    np.testing.assert_allclose(
        np.linalg.norm(neighbours[:, :, :3], axis=2) * radius[:, None], np.sort(distances, axis=1)[:, ranks], atol=1e-4
    )
    assert np.abs(neighbours[:, :, 3:]).max() <= 1
    assert len(np.unique(centres, axis=0)) == GROUPS


def test_size_and_place_of_a_cloud_do_not_matter_and_few_points_are_repeated(tmp_path):
    for name, cloud in {"a": PLACES, "b": PLACES * 50 + 7}.items():
        np.save(tmp_path / f"{name}.npy", cloud.astype(np.float64))
    first, second = (
        decode({"path": str(tmp_path / f"{name}.npy"), "modality": "points"})[1]["points"] for name in "ab"
    )
    np.testing.assert_allclose(first, second, atol=1e-4)
    (tmp_path / "one.xyz").write_text("1 2 3\n")
    alone = decode({"path": str(tmp_path / "one.xyz"), "modality": "points"})[1]["points"]
    assert alone.shape == first.shape and not alone[:, :3].any() and not alone[:, 22:].any()


def test_farthest_points_are_those_of_the_definition():
    chosen = list(farthest_points(PLACES.astype(np.float64), 12))
    for number in range(1, 12):
        distances = np.linalg.norm(PLACES[:, None] - PLACES[chosen[:number]][None], axis=2).min(axis=1)
        assert distances[chosen[number]] == pytest.approx(distances.max())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ply", b""), ("a.ply", b"ply\nformat ascii 1.0\n"), ("a.ply", ply("ascii", b"1 2\n", count=1)),
        ("a.ply", ply("binary_little_endian", bytes(10))), ("a.ply", ply("ascii", b"", count=99999999999)),
        ("a.ply", ply("ascii", b"1 2 3 4\n", ["property list uchar int x"], 1)),
        ("a.ply", ply("ascii", b"1 2\n", ["property float x", "property float y"], 1)),
        ("a.xyz", b"1 2 3\n1 2\n"), ("a.xyz", b"one two three\n"), ("a.xyz", b"nan 1 2\n"), ("a.xyz", b""),
    ],
)  # fmt: skip
def test_what_is_no_cloud_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        read_points(tmp_path / name)
