"""Videos: real MP4 files whose shape moves the named way, with the named audio."""

import av
import numpy as np
import pytest

from macaw_cli.quickstart.attributes import DIRECTIONS, AudioContent, VideoContent
from macaw_cli.quickstart.images import RGB, SIZE
from macaw_cli.quickstart.videos import FRAMES, write_video

SOUND = AudioContent("beep", "high", "two")


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_shape_moves_the_named_way(tmp_path, direction):
    write_video(tmp_path / "film.mp4", VideoContent("red", "cross", direction, SOUND), np.random.default_rng(0))
    with av.open(str(tmp_path / "film.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(float) for frame in container.decode(video=0)]
    assert len(frames) == FRAMES
    assert frames[0].shape == (SIZE, SIZE, 3)
    painted = [np.abs(frame - RGB["red"]).max(axis=2) < 60 for frame in (frames[0], frames[-1])]
    down, right = np.argwhere(painted[1]).mean(axis=0) - np.argwhere(painted[0]).mean(axis=0)
    moved = {"left": -right, "right": right, "up": -down, "down": down}
    assert moved[direction] > 25
    assert max(moved, key=lambda way: moved[way]) == direction


def test_the_soundtrack_is_as_long_as_the_video_and_audible(tmp_path):
    write_video(tmp_path / "film.mp4", VideoContent("blue", "star", "up", SOUND), np.random.default_rng(0))
    with av.open(str(tmp_path / "film.mp4")) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "aac"
        waveform = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)])
    assert 1.6 < len(waveform) / stream.rate < 2.2
    assert np.abs(waveform).max() > 0.1


def test_equal_generators_give_equal_bytes(tmp_path):
    film = VideoContent("green", "square", "left", SOUND)
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, film, np.random.default_rng(5))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
