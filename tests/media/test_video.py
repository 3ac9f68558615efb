import shutil
from pathlib import Path

import numpy as np
import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.media.decoder_client import DecoderProcess
from macaw_cli.media.frame_times import decode_frames, spread_times
from macaw_cli.media.timeline import timeline_of
from macaw_cli.media.video import load_frames

SHARED = Path(__file__).parents[3] / "shared" / "media"


@pytest.fixture(scope="module")
def decoder():
    decoder = DecoderProcess(timeout_s=30)
    yield decoder
    decoder.close()


def ask(decoder, path, frames, which, **more):
    request = {"path": str(path), "modality": "video", "frames": frames, "decoder": which, **more}
    return decoder.decode(request)[1]["video"]


def test_frames_stand_in_the_middles_of_equal_parts(tmp_path, make_film, numbers):
    film = make_film(tmp_path / "a.mp4", frames=12, fps=6)
    frames, times = load_frames(film, 6)
    assert frames.shape == (6, 48, 64, 3) and frames.dtype == np.uint8
    assert times == pytest.approx([1 / 6, 3 / 6, 5 / 6, 7 / 6, 9 / 6, 11 / 6], abs=1e-3)
    assert numbers(frames) == [1, 3, 5, 7, 9, 11]


def test_a_clip_is_spread_over_itself(tmp_path, make_film, numbers):
    film = make_film(tmp_path / "a.mp4", frames=12, fps=6)
    frames, times = load_frames(film, 3, start=1.0, end=1.5)
    assert numbers(frames) == [6, 7, 8] and 1.0 < times[0] < times[-1] < 1.5
    with pytest.raises(InputError, match="not inside"):
        load_frames(film, 3, start=7.0, end=8.0)


def test_a_video_of_one_frame_and_more_frames_than_there_are(tmp_path, make_film, numbers, decoder):
    film = make_film(tmp_path / "a.mp4", frames=1, fps=2)
    assert numbers(ask(decoder, film, 4, "decord")) == numbers(ask(decoder, film, 4, "pyav")) == [0, 0, 0, 0]


def test_a_truncated_video_is_rejected(tmp_path, make_film):
    film = make_film(tmp_path / "whole.mp4", frames=60, fps=10, size=(128, 128))
    content = film.read_bytes()
    (tmp_path / "no-index.mp4").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="cannot be decoded"):
        load_frames(tmp_path / "no-index.mp4", 6)


def test_a_video_cut_behind_its_index_is_rejected(tmp_path, make_film, decoder):
    film = make_film(tmp_path / "whole.mkv", frames=60, fps=10, size=(128, 128), g="5")
    content = film.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: int(len(content) * 0.6)])
    timeline = timeline_of(tmp_path / "cut.mkv")
    assert timeline.duration == pytest.approx(6.0, abs=0.1)
    with pytest.raises(InputError, match=r"ends at 3\.\d s.* 5\.5 s"):
        decode_frames(tmp_path / "cut.mkv", spread_times(timeline.duration, 6, None, None), timeline, "pyav")


def test_what_is_no_video_is_told(tmp_path):
    (tmp_path / "text.mp4").write_text("once upon a time")
    (tmp_path / "empty.mp4").write_bytes(b"")
    for name, reason in (("text.mp4", "it holds text"), ("empty.mp4", "it is empty"), ("none.mp4", "There is no file")):
        with pytest.raises(InputError, match=reason):
            load_frames(tmp_path / name, 2)


@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared media")
def test_the_shared_videos_decode_and_the_corrupted_one_is_rejected(tmp_path):
    for name in ("pancake.mkv", "video_demo_3.mp4", "video_demo_9.mp4"):
        assert load_frames(SHARED / name, 6)[0].std() > 10
    with pytest.raises(InputError, match=r"damaged at 3\.0 s"):
        load_frames(SHARED / "corrupted.mp4", 6)
    shutil.copy(SHARED / "video_demo_3.mp4", tmp_path / "cut.mp4")
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "cut.mp4").read_bytes()[:200_000])
    with pytest.raises(InputError):
        load_frames(tmp_path / "cut.mp4", 6)
