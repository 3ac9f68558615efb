"""Files joined end to end, and headers that tell too little: nothing of a file is lost in silence."""

import struct

import av
import numpy as np
import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.media.audio import decode_audio
from macaw_cli.media.container_audio import SEVERAL_TRACKS
from macaw_cli.media.decoding import decode
from macaw_cli.media.second_files import require_one_file

RATE = 16000


@pytest.mark.parametrize("codec, suffix", [
    ("aac", "m4a"), ("aac", "mp4"), ("pcm_s16le", "mov"), ("aac", "3gp"), ("aac", "flv"), ("pcm_s16le", "wav"),
    ("pcm_s16be", "aiff"), ("pcm_s16be", "au"), ("pcm_s16le", "caf"), ("pcm_s16le", "avi"),
])  # fmt: skip
def test_two_files_in_one_are_rejected_where_decoders_stop_at_the_first(tmp_path, make_sound, tone, codec, suffix):
    first, second = (make_sound(tmp_path / f"{hertz}.{suffix}", codec, tone(1.0, 44100, hertz), 44100)
                     for hertz in (440, 880))  # fmt: skip
    require_one_file(first)
    joined = tmp_path / f"joined.{suffix}"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    with pytest.raises(InputError, match=r"joined end to end: a second one begins at byte [\d,]+"):
        decode_audio(joined, RATE)
    with pytest.raises(InputError, match="joined"):
        decode_audio(joined.rename(tmp_path / "other.mp3"), RATE, 0.2, 0.4)


@pytest.mark.parametrize("codec, suffix", [("aac", "mkv"), ("libopus", "ogg"), ("aac", "ts"), ("pcm_s16le", "w64")])
def test_two_files_in_one_are_heard_to_the_end_where_decoders_read_on(tmp_path, make_sound, tone, codec, suffix):
    parts = [make_sound(tmp_path / f"{hertz}.{suffix}", codec, tone(1.0, 48000, hertz), 48000).read_bytes()
             for hertz in (440, 880)]  # fmt: skip
    (tmp_path / f"a.{suffix}").write_bytes(b"".join(parts))
    assert decode_audio(tmp_path / f"a.{suffix}", RATE).duration == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize("suffix, codec", [("mkv", "mpeg4"), ("webm", "libvpx"), ("avi", "mpeg4")])
def test_two_videos_in_one_are_rejected_where_frames_could_not_be_told_apart(tmp_path, suffix, codec):
    path, joined = tmp_path / f"a.{suffix}", tmp_path / f"joined.{suffix}"
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=8)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(8):
            pixels = np.full((48, 64, 3), 30 * number, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode())
    assert decode({"path": str(path), "modality": "video", "frames": 2})[0]["duration"] == pytest.approx(1.0, abs=0.1)
    joined.write_bytes(2 * path.read_bytes())
    with pytest.raises(InputError, match=f"a second one begins at byte {path.stat().st_size:,}"):
        decode({"path": str(joined), "modality": "video", "frames": 2})


def test_an_avi_in_several_chunks_is_one_file(tmp_path):
    """As of OpenDML, which goes on in `AVIX` behind the first gigabyte."""
    chunks = [(b"AVI ", 64), (b"AVIX", 33), (b"AVIX", 8)]
    content = b"".join(b"RIFF" + struct.pack("<I", 4 + size) + kind + bytes(size + size % 2) for kind, size in chunks)
    (tmp_path / "a.avi").write_bytes(content)
    require_one_file(tmp_path / "a.avi")
    (tmp_path / "b.avi").write_bytes(content + content)
    with pytest.raises(InputError, match=f"byte {len(content)}"):
        require_one_file(tmp_path / "b.avi")


@pytest.fixture
def wave(tmp_path, make_sound, tone):
    """A WAVE of 3 s, its data size and what follows the samples as given."""
    whole = make_sound(tmp_path / "whole.wav", "pcm_s16le", tone(3.0, 48000, 440), 48000).read_bytes()
    place = whole.index(b"data") + 4

    def made(seconds, behind=b""):
        content = bytearray(whole + behind)
        content[place : place + 4] = struct.pack("<I", round(seconds * 96000))
        (tmp_path / "a.wav").write_bytes(content)
        return tmp_path / "a.wav"

    return made


@pytest.mark.parametrize("name", ["a.wav", "a.mp3"])
def test_a_wave_whose_header_tells_too_little_is_rejected(tmp_path, wave, name):
    path = wave(1.0).rename(tmp_path / name)
    with pytest.raises(InputError, match=r"holds 192,000 bytes behind the 96,000 bytes of audio"):
        decode_audio(path, RATE)


@pytest.mark.parametrize("behind", [
    bytes(50_000), b"LIST" + struct.pack("<I", 40_000) + bytes(40_000), b"TAG" + bytes(125),
    b"\0id3 " + struct.pack("<I", 30_000) + b"x" * 30_000,
])  # fmt: skip
def test_what_is_no_audio_behind_the_samples_is_left_alone(wave, behind):
    assert decode_audio(wave(3.0, behind), RATE).duration == pytest.approx(3.0, abs=0.01)


def test_an_audio_file_that_begins_late_has_one_duration(tmp_path, make_sound, tone):
    """Matroska tells when it ends, not how long it lasts."""
    early, path = make_sound(tmp_path / "early.mkv", "aac", tone(3.0, 44100, 440), 44100), tmp_path / "a.mkv"
    with av.open(str(early)) as given, av.open(str(path), "w") as late:
        stream = late.add_stream_from_template(given.streams.audio[0])
        for packet in given.demux(given.streams.audio[0]):
            if packet.dts is not None:
                packet.pts, packet.dts = (time + round(5 / packet.time_base) for time in (packet.pts, packet.dts))
                packet.stream = stream
                late.mux(packet)
    whole = decode_audio(path, RATE)
    clip = decode_audio(path, RATE, 1.0, 2.0)
    assert clip.duration == pytest.approx(whole.duration, abs=0.1)
    np.testing.assert_allclose(clip.samples, whole.samples[RATE : 2 * RATE], atol=2e-3)


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_several_audio_tracks_are_a_warning_and_the_default_one_is_heard(tmp_path, make_sound, tone, suffix):
    files = [make_sound(tmp_path / f"{hertz}.{suffix}", "aac", tone(2.0, 44100, hertz), 44100) for hertz in (440, 880)]
    with av.open(str(tmp_path / f"two.{suffix}"), "w") as both:
        given = [av.open(str(file)) for file in files]
        streams = [both.add_stream_from_template(one.streams.audio[0]) for one in given]
        for one, stream in zip(given, streams, strict=True):
            for packet in one.demux(one.streams.audio[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    both.mux(packet)
            one.close()
    heard = decode_audio(tmp_path / f"two.{suffix}", RATE)
    pitch = np.abs(np.fft.rfft(heard.samples[:RATE])).argmax()
    assert pitch == pytest.approx(440, abs=3) and heard.warning == SEVERAL_TRACKS
    assert decode_audio(files[0], RATE).warning == ""
