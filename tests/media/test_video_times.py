"""Videos whose headers mislead: edit lists, variable frame rate, late beginnings, several streams."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.media.decoding import decode
from macaw_cli.media.frame_times import decode_frames, spread_times
from macaw_cli.media.timeline import timeline_of

SHOWN = [0, 0.1, 0.2, 0.3, 1.0, 1.7, 1.75, 1.8, 2.9, 3.5]


def both(path, times, numbers):
    """The numbers of the frames, checked to be the same with either decoder."""
    timeline = timeline_of(path)
    pyav, decord = (numbers(decode_frames(path, times, timeline, which)) for which in ("pyav", "decord"))
    assert pyav == decord
    return pyav


def with_edit_list(film, path, share, skipped_s):
    """The same video of which only a share is exposed, from `skipped_s` seconds on."""
    with av.open(str(film)) as container:
        ticks = int(skipped_s / container.streams.video[0].time_base)
    content = bytearray(film.read_bytes())
    entry = content.index(b"elst") + 12
    duration, media_time = struct.unpack(">Ii", content[entry : entry + 8])
    content[entry : entry + 8] = struct.pack(">Ii", int(duration * share), media_time + ticks)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "ts"])
def test_a_variable_frame_rate_counts_by_time(tmp_path, make_film, numbers, suffix):
    film = make_film(tmp_path / f"a.{suffix}", times=SHOWN, fps=10)
    times = [0.05, 0.25, 0.31, 0.99, 1.2, 1.6, 1.72, 1.78, 2.5, 3.2, 3.55]
    assert both(film, times, numbers) == [0, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("share, skipped_s", [(1 / 3, 0.0), (1 / 3, 5.04), (0.1, 17.0)])
def test_an_edit_list_shows_only_its_part(tmp_path, make_film, numbers, share, skipped_s):
    whole = make_film(tmp_path / "whole.mp4", frames=240, fps=12)
    film = with_edit_list(whole, tmp_path / "part.mp4", share, skipped_s)
    timeline = timeline_of(film)
    assert timeline.duration == pytest.approx(20 * share, abs=0.1)
    first = numbers(decode_frames(film, [0.0], timeline, "pyav"))[0]
    assert first == pytest.approx(skipped_s * 12, abs=1)
    times = (np.sort(np.random.default_rng(0).integers(0, int(20 * share * 12) - 1, 8)) + 0.5) / 12
    assert both(film, times.tolist(), numbers) == [first + int(time * 12) for time in times]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_an_image_that_begins_after_the_audio_keeps_its_distance(tmp_path, make_film, numbers, suffix):
    film = make_film(tmp_path / f"a.{suffix}", frames=24, start=1.0, seconds_of_sound=5.0, rate=48000)
    timeline = timeline_of(film)
    assert timeline.begin == pytest.approx(1.0, abs=0.03) and timeline.duration == pytest.approx(5.0, abs=0.03)
    assert both(film, [0.5, 1.1, 3.1, 4.9], numbers) == [0, 0, 12, 23]
    meta, _ = decode({"path": str(film), "modality": "video", "frames": 4})
    assert meta["frame_times"] == pytest.approx([1.5, 2.5, 3.5, 4.5], abs=0.03)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_an_image_alone_begins_at_zero(tmp_path, make_film, numbers, suffix):
    film = make_film(tmp_path / f"a.{suffix}", frames=24, start=1.0)
    assert timeline_of(film).duration == pytest.approx(4.0, abs=0.01)
    assert both(film, [0.1, 2.1, 3.9], numbers) == [0, 12, 23]


def test_the_best_of_several_streams_is_taken_by_both_decoders(tmp_path, make_film, numbers):
    small = make_film(tmp_path / "small.mp4", frames=12, size=(24, 32), first_number=100)
    large = make_film(tmp_path / "large.mp4", frames=12, size=(96, 128))
    film = tmp_path / "both.mkv"
    with av.open(str(small)) as one, av.open(str(large)) as two, av.open(str(film), "w", format="matroska") as out:
        ways = [(source, out.add_stream_from_template(source.streams.video[0])) for source in (one, two)]
        for source, stream in ways:
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    out.mux(packet)
    timeline = timeline_of(film)
    for decoder in ("pyav", "decord"):
        frames = decode_frames(film, [0.25, 1.75], timeline, decoder)
        assert frames.shape == (2, 96, 128, 3) and numbers(frames) == [1, 10]


def test_the_cover_of_an_audio_file_is_no_video(tmp_path, make_sound, tone):
    plain = make_sound(tmp_path / "plain.m4a", "aac", tone(1.0, 16000), 16000)
    album = tmp_path / "album.m4a"
    with av.open(str(plain)) as source, av.open(str(album), "w", format="mp4") as out:
        sound = out.add_stream_from_template(source.streams.audio[0])
        cover = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        still = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        still.pts, still.time_base = 0, Fraction(1, 1)
        packets = [*cover.encode(still), *cover.encode()]
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = sound
                packets.append(packet)
        for packet in packets:
            out.mux(packet)
    request = {"path": str(album), "modality": "audio", "sampling_rate": 16000}
    assert len(decode(request)[1]["audio"]) == pytest.approx(16000, abs=1200)
    assert set(decode({**request, "modality": "video", "frames": 2})[1]) == {"audio"}
    with pytest.raises(InputError, match="no video stream"):
        timeline_of(album)


def test_a_long_video_is_read_over_its_whole_length(tmp_path, make_film, numbers):
    film = make_film(tmp_path / "a.mkv", frames=250, fps=1, size=(16, 32), g="50", bf="0")
    timeline = timeline_of(film)
    times = spread_times(timeline.duration, 5, None, None)
    assert timeline.duration == pytest.approx(250, abs=0.1)
    assert both(film, times, numbers) == [25, 75, 125, 175, 225]


def test_a_clip_of_a_video_tells_its_own_duration_and_the_videos_times(tmp_path, make_film, numbers):
    film = make_film(tmp_path / "a.mp4", frames=60, seconds_of_sound=10.0)
    request = {"path": str(film), "modality": "video", "frames": 3, "sampling_rate": 16000, "max_seconds": 1.0}
    meta, arrays = decode({**request, "start": 4.0, "end": 7.0})
    assert meta == {"duration": 3.0, "frame_times": [4.5, 5.5, 6.5], "audio": {"duration": 3.0, "heard": 1.0}}
    assert numbers(arrays["video"]) == [27, 33, 39] and len(arrays["audio"]) == 16000
    assert decode({**request, "start": 9.0, "end": 20.0})[0]["duration"] == pytest.approx(1.0, abs=0.01)
    with pytest.raises(InputError, match="not inside"):
        decode({**request, "start": 11.0})


def test_a_change_of_size_in_the_middle_keeps_the_first(tmp_path, make_film):
    one = make_film(tmp_path / "one.ts", frames=12, codec="mpeg2video", fps=25)
    two = make_film(tmp_path / "two.ts", frames=12, codec="mpeg2video", fps=25, size=(96, 128), start=0.48)
    (tmp_path / "a.ts").write_bytes(one.read_bytes() + two.read_bytes())
    timeline = timeline_of(tmp_path / "a.ts")
    assert decode_frames(tmp_path / "a.ts", [0.1, 0.9], timeline, "pyav").shape == (2, 48, 64, 3)


def test_a_soundtrack_has_a_duration_of_its_own(tmp_path, make_film):
    film = make_film(tmp_path / "a.mp4", frames=60, seconds_of_sound=4.0)
    meta, _ = decode({"path": str(film), "modality": "video", "frames": 3, "sampling_rate": 16000})
    assert meta["duration"] == pytest.approx(10.0, abs=0.1)
    assert meta["audio"]["duration"] == pytest.approx(4.0, abs=0.1)
