"""Videos that are stored turned, mirrored or squeezed come out as they are shown, whichever decoder serves."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from macaw_cli.media.decoding import decode

MATRICES = {
    "upright": (1, 0, 0, 1), "mirrored": (-1, 0, 0, 1), "half turn": (-1, 0, 0, -1), "upside down": (1, 0, 0, -1),
    "transposed": (0, 1, 1, 0), "quarter turn right": (0, 1, -1, 0), "antitransposed": (0, -1, -1, 0),
    "quarter turn left": (0, -1, 1, 0),
}  # fmt: skip
"""Where x and y go: x' = a x + c y, y' = b x + d y."""
SHOWN = {
    "upright": lambda stored: stored, "mirrored": lambda stored: stored[:, ::-1],
    "half turn": lambda stored: stored[::-1, ::-1], "upside down": lambda stored: stored[::-1],
    "transposed": lambda stored: stored.swapaxes(0, 1), "quarter turn right": lambda stored: np.rot90(stored, -1),
    "antitransposed": lambda stored: stored[::-1, ::-1].swapaxes(0, 1), "quarter turn left": np.rot90,
}  # fmt: skip


def turned(film, path, matrix):
    """The same video with another matrix in its track header, as a phone writes it."""
    content = bytearray(film.read_bytes())
    a, b, c, d = matrix
    place = content.index(b"tkhd") + 4 + 40
    content[place : place + 20] = struct.pack(">5i", *(65536 * value for value in (a, b, 0, c, d)))
    path.write_bytes(content)
    return path


def quadrants(path, size=(48, 64), aspect=None, frames=4):
    """A video with another grey in each quarter of the image."""
    pixels = np.full((*size, 3), 20, np.uint8)
    pixels[: size[0] // 2, size[1] // 2 :] = 90
    pixels[size[0] // 2 :, : size[1] // 2] = 160
    pixels[size[0] // 2 :, size[1] // 2 :] = 230
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=4, options={"qp": "0", "bf": "0"})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv444p"
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 4)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path, pixels


def frames_of(path, decoder, count=3):
    return decode({"path": str(path), "modality": "video", "frames": count, "decoder": decoder})[1]["video"]


@pytest.mark.parametrize("decoder", ["pyav", "decord"])
@pytest.mark.parametrize("name", list(MATRICES))
def test_all_eight_orientations_come_out_upright(tmp_path, name, decoder):
    film, stored = quadrants(tmp_path / "stored.mp4")
    for frame in frames_of(turned(film, tmp_path / "turned.mp4", MATRICES[name]), decoder):
        shown = SHOWN[name](stored)
        assert frame.shape == shown.shape
        assert np.abs(frame.astype(int) - shown).mean() < 3


@pytest.mark.parametrize("decoder", ["pyav", "decord"])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("aspect, width", [(Fraction(2), 128), (Fraction(1, 2), 32), (Fraction(12, 11), 70)])
def test_pixels_that_are_not_square_give_the_shape_that_is_shown(tmp_path, suffix, aspect, width, decoder):
    film, _ = quadrants(tmp_path / f"a.{suffix}", aspect=aspect)
    frames = frames_of(film, decoder)
    assert frames.shape == (3, 48, width, 3)
    corners = frames[0][[2, 2, -3, -3], [2, -3, 2, -3], 0]
    assert corners.astype(int) == pytest.approx([20, 90, 160, 230], abs=6)


def test_a_squeezed_video_that_is_turned_is_stretched_before_it_is_turned(tmp_path):
    film, _ = quadrants(tmp_path / "a.mp4", aspect=Fraction(2))
    assert frames_of(turned(film, tmp_path / "b.mp4", MATRICES["quarter turn right"]), "pyav").shape == (3, 128, 48, 3)


def test_a_video_of_one_frame_and_one_without_colour_are_shown(tmp_path):
    film, stored = quadrants(tmp_path / "one.mp4", frames=1)
    assert np.abs(frames_of(film, "pyav", 2).astype(int) - stored).mean() < 3
