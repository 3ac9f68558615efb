"""All tracks of a file are on one clock: holes stay open, tracks keep their distance, parts follow one another."""

from fractions import Fraction

import av
import numpy as np
import pytest

from macaw_cli.media.audio import decode_audio
from macaw_cli.media.decoding import decode
from macaw_cli.media.timeline import timeline_of

RATE = 16000
CONTAINERS = {"mp4": "aac", "mkv": "aac", "mov": "aac", "ts": "aac", "webm": "libopus", "m4a": "alac",
              "mka": "ac3", "weba": "vorbis", "flv": "aac"}  # fmt: skip
FORMATS = {"mkv": "matroska", "mka": "matroska", "weba": "webm", "ts": "mpegts", "m4a": "mp4"}


def write_pieces(path, pieces, codec="aac", rate=48000, film_seconds=0.0):
    """Audio of which each (begin, seconds, hertz) is a tone, nothing between them; a video that gets lighter."""
    with av.open(str(path), "w", format=FORMATS.get(path.suffix[1:])) as container:
        packets = []
        if film_seconds:
            film = container.add_stream("libvpx" if path.suffix == ".webm" else "mpeg4", rate=10)
            film.width = film.height = 32
            film.pix_fmt = "yuv420p"
            for number in range(round(film_seconds * 10)):
                grey = np.full((32, 32, 3), min(255, 20 * (number // 10)), np.uint8)
                frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, 10)
                packets += film.encode(frame)
            packets += film.encode()
        sound = container.add_stream(codec, rate=rate, layout="stereo")
        if codec == "vorbis":
            sound.codec_context.options = {"strict": "experimental"}
        sizes = None
        for begin, seconds, hertz in pieces:
            at = np.arange(round(begin * rate), round((begin + seconds) * rate))
            wave = (0.25 * np.sin(2 * np.pi * hertz * at / rate) + 0.02 * np.sin(at * at / 3e6)).astype(np.float32)
            sound.codec_context.open(strict=False)
            sizes = sizes or sound.codec_context.frame_size or 1024
            resampler = av.AudioResampler(format=sound.codec_context.format.name)
            for first in range(0, len(wave) - sizes + 1, sizes):
                frame = av.AudioFrame.from_ndarray(np.tile(wave[first : first + sizes], (2, 1)), "fltp", "stereo")
                frame.sample_rate, frame.pts, frame.time_base = rate, int(at[0]) + first, Fraction(1, rate)
                for converted in resampler.resample(frame):
                    packets += sound.encode(converted)
        packets += sound.encode()
        for packet in sorted((packet for packet in packets if packet.size), key=lambda one: one.dts * one.time_base):
            container.mux(packet)
    return path


def pitches(samples, seconds=0.5):
    """The strongest frequency of each piece, 0 for silence; what lies at a border counts for nothing."""
    pieces = [samples[first : first + round(seconds * RATE)] for first in range(0, len(samples), round(seconds * RATE))]
    return [_pitch(piece) for piece in pieces if len(piece) > 0.3 * RATE]


def _pitch(piece):
    if np.sqrt((piece**2).mean()) < 0.01:
        return 0
    return round(float(np.abs(np.fft.rfft(piece)).argmax() * RATE / len(piece)), -1)


@pytest.mark.parametrize("suffix", list(CONTAINERS))
def test_a_hole_in_the_audio_is_silence_and_clips_are_pieces_of_the_whole(tmp_path, suffix):
    path = write_pieces(tmp_path / f"a.{suffix}", [(0, 4, 440), (6.013, 4, 880)], CONTAINERS[suffix])
    whole = decode_audio(path, RATE)
    assert whole.duration == pytest.approx(10.0, abs=0.1) and len(whole.samples) == pytest.approx(10.0 * RATE, abs=1600)
    heard = pitches(whole.samples)
    assert heard[1:7] == [440] * 6 and heard[9:11] == [0] * 2 and heard[13:19] == [880] * 6
    for start, end in ((0.5, 1.5), (3.0, 5.0), (4.5, 5.5), (5.5, 7.0), (7.33, 9.1), (9.0, None)):
        clip = decode_audio(path, RATE, start, end).samples
        first = round(start * RATE)
        last = len(whole.samples) if end is None else round(end * RATE)
        np.testing.assert_allclose(clip, whole.samples[first:last], atol=0.02 if suffix == "mka" else 1e-4)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "webm"])
def test_audio_that_begins_after_the_image_begins_with_silence(tmp_path, suffix):
    codec = "libopus" if suffix == "webm" else "aac"
    path = write_pieces(tmp_path / f"a.{suffix}", [(3, 3, 440)], codec, film_seconds=6.0)
    whole = decode_audio(path, RATE)
    assert whole.duration == pytest.approx(6.0, abs=0.1)
    assert pitches(whole.samples)[1:5] == [0] * 4 and pitches(whole.samples)[7:11] == [440] * 4
    clip = decode_audio(path, RATE, 4.0, 5.0).samples
    np.testing.assert_allclose(clip, whole.samples[4 * RATE : 5 * RATE], atol=1e-4)
    meta, arrays = decode({"path": str(path), "modality": "video", "frames": 3, "sampling_rate": RATE,
                           "start": 3.5, "end": 5.5})  # fmt: skip
    assert meta["duration"] == 2.0 and pitches(arrays["audio"]) == [440] * 4
    assert [round(frame.mean() / 20) for frame in arrays["video"]] == [3, 4, 5]


def test_timestamps_that_begin_anew_are_put_in_order_in_all_tracks(tmp_path):
    one = write_pieces(tmp_path / "one.ts", [(0, 3, 440)], film_seconds=3.0)
    two = write_pieces(tmp_path / "two.ts", [(0, 3, 880)], film_seconds=3.0)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one.read_bytes() + two.read_bytes())
    timeline = timeline_of(joined)
    assert timeline.duration == pytest.approx(6.0, abs=0.1) and len(timeline.times) >= 59
    meta, arrays = decode({"path": str(joined), "modality": "video", "frames": 6, "sampling_rate": RATE})
    assert meta["duration"] == pytest.approx(6.0, abs=0.1)
    assert [round(frame.mean() / 20) for frame in arrays["video"]] == [0, 1, 2, 0, 1, 2]
    heard = pitches(arrays["audio"])
    assert heard[1:5] == [440] * 4 and heard[7:11] == [880] * 4
    clip = decode_audio(joined, RATE, 4.0, 5.0).samples
    np.testing.assert_allclose(clip, arrays["audio"][4 * RATE : 5 * RATE], atol=1e-4)


def test_what_was_joined_to_an_earlier_time_is_put_in_order_as_well(tmp_path):
    one = write_pieces(tmp_path / "one.ts", [(200, 3, 440)], film_seconds=0.0)
    two = write_pieces(tmp_path / "two.ts", [(0, 3, 880)], film_seconds=0.0)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one.read_bytes() + two.read_bytes())
    sound = decode_audio(joined, RATE)
    assert sound.duration == pytest.approx(6.0, abs=0.2)
    assert pitches(sound.samples)[1:5] == [440] * 4 and pitches(sound.samples)[7:11] == [880] * 4


def test_the_length_of_an_audio_file_of_which_only_the_beginning_is_read_is_measured(tmp_path):
    path = write_pieces(tmp_path / "a.aac", [(0, 6, 440)])
    meta, arrays = decode({"path": str(path), "modality": "audio", "sampling_rate": RATE, "max_seconds": 2.0})
    assert meta["duration"] == pytest.approx(6.0, abs=0.1) and len(arrays["audio"]) == 2 * RATE
