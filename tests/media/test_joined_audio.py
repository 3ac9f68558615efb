"""Audio files that a fast decoder reads wrongly or in part: the whole of them is heard."""

import io
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from macaw_cli.media.audio import decode_audio
from macaw_cli.media.decoding import decode
from macaw_cli.media.soundfile_audio import soundfile_audio
from macaw_cli.media.waveforms import Window

RATE = 16000
EVERYTHING = Window(0.0, float("inf"), RATE)


def encoded(wave, rate, kind, subtype=None):
    content = io.BytesIO()
    soundfile.write(content, wave, rate, format=kind, subtype=subtype)
    return content.getvalue()


def pitch(samples):
    return round(float(np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples)))


def without_announcement(mp3):
    """The same MP3 without its first frame, which tells how long it is."""
    place = max(mp3.find(b"Xing"), mp3.find(b"Info"))
    return mp3[mp3.find(b"\xff", place) :] if place >= 0 else mp3


@pytest.mark.parametrize("kind, subtype, suffix", [
    ("OGG", "VORBIS", "ogg"), ("OGG", "OPUS", "opus"), ("MP3", None, "mp3"), ("FLAC", None, "flac"),
])  # fmt: skip
@pytest.mark.parametrize("rates", [(48000, 48000), (48000, 24000), (24000, 48000)])
def test_joined_files_are_heard_to_the_end(tmp_path, tone, kind, subtype, suffix, rates):
    tones = zip(rates, (440, 880), strict=True)
    parts = [encoded(tone(3.0, rate, hertz), rate, kind, subtype) for rate, hertz in tones]
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(b"".join(parts))
    sound = decode_audio(path, RATE)
    assert sound.duration == pytest.approx(6.0, abs=0.1) and len(sound.samples) == pytest.approx(6 * RATE, abs=1600)
    assert pitch(sound.samples[RATE : 2 * RATE]) == 440 and pitch(sound.samples[4 * RATE : 5 * RATE]) == 880
    for start, end in ((2.5, 3.5), (4.0, 5.0), (5.2, None)):
        clip = decode_audio(path, RATE, start, end).samples
        last = len(sound.samples) if end is None else round(end * RATE)
        np.testing.assert_allclose(clip, sound.samples[round(start * RATE) : last], atol=1e-5)
    request = {"path": str(path), "modality": "audio", "sampling_rate": RATE, "max_seconds": 2.0}
    assert decode(request)[0]["duration"] == pytest.approx(6.0, abs=0.1)


@pytest.mark.parametrize("subtype, suffix", [("VORBIS", "ogg"), ("OPUS", "opus")])
def test_an_ogg_that_was_joined_to_itself_is_heard_to_the_end(tmp_path, tone, subtype, suffix):
    """Both links have the same serial number."""
    (tmp_path / f"a.{suffix}").write_bytes(2 * encoded(tone(3.0, 48000, 440), 48000, "OGG", subtype))
    sound = decode_audio(tmp_path / f"a.{suffix}", RATE)
    assert sound.duration == pytest.approx(6.0, abs=0.1) and pitch(sound.samples[4 * RATE : 5 * RATE]) == 440


@pytest.mark.parametrize("rates", [(44100, 44100), (44100, 22050)])
def test_joined_mp3s_that_do_not_tell_their_length_are_heard_to_the_end(tmp_path, tone, rates):
    parts = [without_announcement(encoded(tone(3.0, rate, hertz), rate, "MP3"))
             for rate, hertz in zip(rates, (440, 880), strict=True)]  # fmt: skip
    (tmp_path / "a.mp3").write_bytes(b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + b"".join(parts) + b"TAG" + bytes(125))
    sound = decode_audio(tmp_path / "a.mp3", RATE)
    assert sound.duration == pytest.approx(6.1, abs=0.15)
    assert pitch(sound.samples[RATE : 2 * RATE]) == 440 and pitch(sound.samples[4 * RATE : 5 * RATE]) == 880


@pytest.mark.parametrize("codec, made, suffix, named", [
    ("aac", 44100, "aac", "mp3"), ("aac", 44100, "m4a", "wav"), ("libmp3lame", 44100, "mp3", "wav"),
    ("flac", 44100, "flac", "mp3"),
    ("libopus", 48000, "opus", "mp3"), ("ac3", 48000, "ac3", "ogg"), ("pcm_s16le", 44100, "wav", "flac"),
])  # fmt: skip
def test_a_name_that_says_another_format_does_not_matter(tmp_path, make_sound, tone, codec, made, suffix, named):
    path = make_sound(tmp_path / f"a.{suffix}", codec, tone(4.0, made), made).rename(tmp_path / f"b.{named}")
    sound = decode_audio(path, RATE)
    assert sound.duration == pytest.approx(4.0, abs=0.1)
    assert pitch(sound.samples) == pytest.approx(440, abs=3) and sound.samples[8000:-8000].std() > 0.15


@pytest.mark.parametrize("stated", [0, 0xFFFFFFFF])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_wave_whose_recorder_crashed_gives_the_samples_that_are_there(tmp_path, tone, subtype, stated):
    content = bytearray(encoded(tone(3.0, RATE), RATE, "WAV", subtype))
    place = content.index(b"data")
    content[4:8] = content[place + 4 : place + 8] = stated.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    sound = decode_audio(tmp_path / "a.wav", RATE)
    assert sound.duration == pytest.approx(3.0, abs=0.01) and len(sound.samples) == pytest.approx(3 * RATE, abs=100)
    assert pitch(sound.samples) == 440


def test_a_flac_from_a_pipe_has_the_length_that_is_measured(tmp_path, tone):
    content = bytearray(encoded(tone(5.0, RATE), RATE, "FLAC"))
    content[21] &= 0xF0  # the number of samples: 36 bits in the header
    content[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(content)
    for limit in (2.0, 30.0):
        request = {"path": str(tmp_path / "a.flac"), "modality": "audio", "sampling_rate": RATE, "max_seconds": limit}
        meta, arrays = decode(request)
        assert meta["duration"] == pytest.approx(5.0, abs=0.01)
        assert len(arrays["audio"]) == min(limit, 5.0) * RATE


@pytest.mark.parametrize("kind, subtype, suffix", [
    ("WAV", None, "wav"), ("FLAC", None, "flac"), ("OGG", "VORBIS", "ogg"), ("OGG", "OPUS", "opus"),
    ("MP3", None, "mp3"), ("AIFF", None, "aiff"),
])  # fmt: skip
def test_an_ordinary_file_is_still_read_by_the_fast_decoder(tmp_path, tone, kind, subtype, suffix):
    for rate in (48000,):
        for seconds in (0.3, 6.0):
            (tmp_path / f"a.{suffix}").write_bytes(encoded(tone(seconds, rate), rate, kind, subtype))
            sound = soundfile_audio(tmp_path / f"a.{suffix}", EVERYTHING)
            assert sound is not None and sound.duration == pytest.approx(seconds, abs=0.01)


def test_an_mp3_of_constant_rate_without_announcement_is_still_read_by_the_fast_decoder(tmp_path, tone):
    content = io.BytesIO()
    constant = {"bitrate_mode": "CONSTANT", "compression_level": 0.5}
    with soundfile.SoundFile(content, "w", 44100, 1, format="MP3", **constant) as file:
        file.write(tone(5.0, 44100))
    (tmp_path / "a.mp3").write_bytes(without_announcement(content.getvalue()))
    sound = soundfile_audio(tmp_path / "a.mp3", EVERYTHING)
    assert sound is not None and sound.duration == pytest.approx(5.05, abs=0.06)


def test_noise_after_an_audio_file_is_not_taken_for_a_part(tmp_path, tone):
    noise = np.random.default_rng(0).integers(0, 256, 20000, np.uint8).tobytes()
    for kind, suffix in (("MP3", "mp3"), ("OGG", "ogg"), ("FLAC", "flac"), ("WAV", "wav")):
        (tmp_path / f"a.{suffix}").write_bytes(encoded(tone(3.0, 44100), 44100, kind) + noise)
        sound = decode_audio(tmp_path / f"a.{suffix}", RATE)
        assert sound.duration == pytest.approx(3.0, abs=0.2), suffix
        assert pitch(sound.samples[:RATE]) == 440


@pytest.mark.parametrize("suffix", ["wav", "flac", "m4a"])
def test_channels_that_cancel_each_other_out_are_told(tmp_path, tone, make_stereo, suffix):
    left = tone(2.0, 44100)
    other = tone(2.0, 44100, 500)
    for right, told in ((-left, True), (-0.9 * left, True), (left, False), (0 * left, False), (other, False)):
        path = make_stereo(tmp_path / f"a.{suffix}", np.stack([left, right]).astype(np.float32), 44100)
        meta, arrays = decode({"path": str(path), "modality": "audio", "sampling_rate": RATE})
        assert ("cancel" in meta.get("warning", "")) == told
        assert arrays["audio"].std() == pytest.approx((left + right).std() / 2, abs=0.01)
    path = make_stereo(tmp_path / f"a.{suffix}", np.zeros((2, 44100), np.float32), 44100)
    assert "warning" not in decode({"path": str(path), "modality": "audio", "sampling_rate": RATE})[0]


def test_reading_audio_says_nothing_on_standard_output(tmp_path, tone):
    content = encoded(tone(3.0, 44100), 44100, "MP3")
    (tmp_path / "a.mp3").write_bytes(content + content)
    script = f"from macaw_cli.media.audio import load_audio; load_audio({str(tmp_path / 'a.mp3')!r}, 16000)"
    assert not subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.PIPE).stdout
