"""Every container with every codec that is found in it: the right frames, by PyAV and by decord."""

import numpy as np
import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.media.decoder_client import DecoderProcess
from macaw_cli.media.decoding import decode
from macaw_cli.media.frame_times import decode_frames, spread_times
from macaw_cli.media.timeline import timeline_of

CODECS = {
    "mp4": ["h264", "libx265", "libvpx-vp9", "libsvtav1", "mpeg4"],
    "mkv": ["h264", "libx265", "libvpx-vp9", "libsvtav1"],
    "webm": ["libvpx", "libvpx-vp9", "libsvtav1"], "mov": ["h264", "libx265", "mpeg4"],
    "avi": ["h264", "mpeg4", "mjpeg"], "ts": ["h264", "libx265"], "flv": ["h264"], "wmv": ["wmv2"],
}  # fmt: skip
SOUNDS = {"webm": ("libopus", 48000), "avi": ("pcm_s16le", 44100), "flv": ("aac", 44100), "ts": ("aac", 48000)}


@pytest.fixture(scope="module")
def decoder():
    decoder = DecoderProcess(timeout_s=30)
    yield decoder
    decoder.close()


def both(path, times, timeline, numbers):
    """The numbers of the frames, checked to be the same with either decoder."""
    pyav, decord = (numbers(decode_frames(path, times, timeline, which)) for which in ("pyav", "decord"))
    assert pyav == decord
    return pyav


def any_times(duration, seed):
    """Times in any distance of each other, none where rounding decides."""
    frames = np.sort(np.random.default_rng(seed).uniform(0, duration * 6, 9))
    return ((np.floor(frames) + np.clip(frames % 1, 0.05, 0.95)) / 6).tolist()


@pytest.mark.parametrize("suffix, codec", [(suffix, codec) for suffix, codecs in CODECS.items() for codec in codecs])
def test_the_frames_are_those_shown_at_the_time_whichever_decoder_served(tmp_path, make_film, numbers, suffix, codec):
    sound_codec, rate = SOUNDS.get(suffix, ("aac", 16000))
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    sound = {"seconds_of_sound": 4.0, "sound_codec": sound_codec, "rate": rate} if suffix != "wmv" else {}
    film = make_film(tmp_path / f"a.{suffix}", frames=24, codec=codec, pixels=pixels, **sound)
    timeline = timeline_of(film)
    assert timeline.duration == pytest.approx(4.0, abs=0.01) and len(timeline.times) == 24
    for seed in range(4):
        times = any_times(3.99, seed)
        assert both(film, times, timeline, numbers) == [int(time * 6) for time in times]


@pytest.mark.parametrize("open_group", ["0", "1"])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts"])
def test_open_groups_and_b_frames_do_not_shift_the_count(tmp_path, make_film, numbers, suffix, open_group):
    film = make_film(tmp_path / f"a.{suffix}", frames=200, fps=6, bf="3", g="12",
                     **{"x264-params": f"open-gop={open_group}:bframes=3:keyint=12"})  # fmt: skip
    timeline = timeline_of(film)
    for seed in range(6):
        times = any_times(33.2, seed)
        assert both(film, times, timeline, numbers) == [int(time * 6) for time in times]


@pytest.mark.parametrize("size, pixels, codec", [((47, 63), "yuv444p", "h264"), ((47, 63), "yuv420p", "libvpx-vp9"),
                                                 ((48, 64), "yuv420p10le", "h264"), ((48, 64), "yuv422p10le", "prores"),
                                                 ((8, 640), "yuv420p", "h264")])  # fmt: skip
def test_odd_sizes_and_ten_bits_come_out_whole(tmp_path, make_film, numbers, size, pixels, codec):
    film = make_film(tmp_path / "a.mov" if codec == "prores" else tmp_path / "a.mkv",
                     frames=12, size=size, pixels=pixels, codec=codec)  # fmt: skip
    timeline = timeline_of(film)
    frames = decode_frames(film, spread_times(timeline.duration, 4, None, None), timeline, "pyav")
    assert frames.shape == (4, *size, 3) and frames.dtype == np.uint8
    assert numbers(frames) == [1, 4, 7, 10]
    assert frames.min() < 45 and frames.max() > 210


def test_a_soundtrack_is_found_in_every_container(tmp_path, make_film, decoder):
    for suffix, (codec, sound_codec, rate) in {
        "mp4": ("h264", "aac", 44100), "mkv": ("h264", "ac3", 44100), "webm": ("libvpx-vp9", "libopus", 48000),
        "mov": ("h264", "pcm_s16le", 16000), "avi": ("mpeg4", "pcm_s16le", 44100), "ts": ("h264", "ac3", 48000),
    }.items():  # fmt: skip
        film = make_film(tmp_path / f"a.{suffix}", frames=18, codec=codec, seconds_of_sound=3.0, channels=2,
                         sound_codec=sound_codec, rate=rate)  # fmt: skip
        request = {"path": str(film), "modality": "video", "frames": 2, "sampling_rate": 16000}
        meta, arrays = decoder.decode(request)
        assert meta["duration"] == pytest.approx(3.0, abs=0.02) and "soundtrack" not in meta, suffix
        assert len(arrays["audio"]) == pytest.approx(48000, abs=2000), suffix
        assert arrays["audio"][8000:-8000].std() == pytest.approx(0.25 / np.sqrt(2), rel=0.03), suffix


def test_a_video_without_audio_has_no_waveform(tmp_path, make_film):
    film = make_film(tmp_path / "silent.mp4")
    meta, arrays = decode({"path": str(film), "modality": "video", "frames": 2, "sampling_rate": 16000})
    assert set(arrays) == {"video"} and "soundtrack" not in meta


def test_a_video_without_a_frame_is_told(tmp_path, make_film):
    film = make_film(tmp_path / "none.mkv", frames=0, codec="mpeg4", seconds_of_sound=1.0)
    with pytest.raises(InputError, match=r"none\.mkv has no frame in it"):
        decode({"path": str(film), "modality": "video", "frames": 2})
