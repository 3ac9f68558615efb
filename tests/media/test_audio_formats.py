"""Every kind of audio file: its rate, its level, the clip that is the same piece of the whole, and damage."""

import resource
import time

import av
import numpy as np
import pytest
import soundfile

from macaw_cli.basics.errors import InputError
from macaw_cli.media.audio import decode_audio, load_audio
from macaw_cli.media.decoding import decode

RATE = 16000
CODECS = {"m4a": ("aac", 44100), "mp3": ("libmp3lame", 44100), "opus": ("libopus", 48000), "webm": ("libopus", 48000),
          "aac": ("aac", 48000), "ac3": ("ac3", 48000), "wma": ("wmav2", 44100), "mka": ("aac", 22050),
          "ts": ("aac", 44100), "mp4": ("alac", 44100)}  # fmt: skip


def chirp(seconds, rate):
    """Never the same at two places, so that a shift shows."""
    at = np.arange(round(seconds * rate)) / rate
    noise = 0.02 * np.random.default_rng(0).standard_normal(len(at))
    return (0.2 * np.sin(2 * np.pi * (200 + 150 * at) * at) + noise).astype(np.float32)


@pytest.mark.parametrize("suffix, subtype", [
    ("wav", "PCM_U8"), ("wav", "PCM_16"), ("wav", "PCM_24"), ("wav", "PCM_32"), ("wav", "FLOAT"), ("wav", "DOUBLE"),
    ("flac", "PCM_16"), ("flac", "PCM_24"), ("ogg", "VORBIS"), ("opus", "OPUS"), ("mp3", "MPEG_LAYER_III"),
    ("aiff", "PCM_16"),
])  # fmt: skip
def test_every_sample_format_has_the_same_level_and_pitch(tmp_path, tone, suffix, subtype):
    rate = 48000 if subtype == "OPUS" else 44100
    container = {"opus": "OGG"}.get(suffix)
    soundfile.write(tmp_path / f"a.{suffix}", tone(1.0, rate), rate, subtype=subtype, format=container)
    samples = load_audio(tmp_path / f"a.{suffix}", RATE)
    assert samples.dtype == np.float32 and len(samples) == pytest.approx(RATE, abs=1200)
    assert samples[2000:-2000].std() == pytest.approx(0.25 / np.sqrt(2), rel=0.02)
    assert np.abs(np.fft.rfft(samples[:8000])).argmax() * RATE / 8000 == pytest.approx(440, abs=2)


@pytest.mark.parametrize("suffix", list(CODECS))
def test_every_codec_of_ffmpeg_has_the_same_level(tmp_path, make_sound, tone, suffix):
    codec, rate = CODECS[suffix]
    path = make_sound(tmp_path / f"a.{suffix}", codec, tone(2.0, rate), rate)
    samples = load_audio(path, RATE)
    assert len(samples) == pytest.approx(2 * RATE, abs=2500)
    encoders_own = 0.95 if suffix == "mp3" else 1.0  # LAME makes it quieter
    assert samples[4000:-4000].std() == pytest.approx(encoders_own * 0.25 / np.sqrt(2), rel=0.03)


@pytest.mark.parametrize("suffix, layouts", [("wav", (1, 2, 6)), ("flac", (1, 2, 6)), ("ogg", (1, 2)), ("opus", (1, 2)),
                                             ("m4a", (1, 2, 6))])  # fmt: skip
def test_the_level_is_the_same_in_mono_stereo_and_surround(tmp_path, make_sound, tone, suffix, layouts):
    levels = []
    for channels in layouts:
        path = tmp_path / f"{channels}.{suffix}"
        if suffix in ("wav", "flac", "ogg"):
            soundfile.write(path, np.tile(tone(1.0, 48000, 100.0)[:, None], channels), 48000)
        else:
            layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
            codec = "alac" if suffix == "m4a" else "libopus"
            make_sound(path, codec, tone(1.0, 48000, 100.0), 48000, layout)
        levels.append(load_audio(path, RATE)[2000:-2000].std())
    assert levels == pytest.approx([0.25 / np.sqrt(2)] * len(layouts), rel=0.01)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", *CODECS])
def test_a_clip_is_the_same_samples_as_that_piece_of_the_whole(tmp_path, make_sound, suffix):
    codec, rate = CODECS.get(suffix, ("", 44100))
    path = tmp_path / f"a.{suffix}"
    if codec:
        make_sound(path, codec, chirp(8.0, rate), rate)
    else:
        soundfile.write(path, chirp(8.0, rate), rate)
    whole = decode_audio(path, RATE)
    assert whole.duration == pytest.approx(8.0, abs=0.5)
    for start, end in ((0.0, 1.0), (0.5, 1.5), (3.333, 5.1), (6.9, None)):
        clip = decode_audio(path, RATE, start, end).samples
        first = round(start * RATE)
        last = len(whole.samples) if end is None else first + round((end - start) * RATE)
        tolerance = 0.02 if suffix == "ac3" else 1e-5  # AC-3 decoders add noise, another one each time
        np.testing.assert_allclose(clip, whole.samples[first:last], atol=tolerance)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000])
def test_every_rate_is_resampled_to_the_same_audio(tmp_path, tone, rate):
    soundfile.write(tmp_path / "a.wav", tone(1.0, rate), rate, subtype="FLOAT")
    samples = load_audio(tmp_path / "a.wav", RATE)
    np.testing.assert_allclose(samples[1000:15000], tone(1.0, RATE)[1000:15000], atol=2e-3)


@pytest.mark.parametrize("seconds, heard", [(1.0, None), (2.0, None), (5.0, 2.0)])
@pytest.mark.parametrize("suffix", ["wav", "m4a"])
def test_what_the_window_leaves_out_is_told(tmp_path, make_sound, tone, suffix, seconds, heard):
    path = tmp_path / f"a.{suffix}"
    if suffix == "wav":
        soundfile.write(path, tone(seconds, RATE), RATE)
    else:
        make_sound(path, "alac", tone(seconds, RATE), RATE)
    request = {"path": str(path), "modality": "audio", "sampling_rate": RATE, "max_seconds": 2.0}
    meta, arrays = decode(request)
    assert meta["duration"] == pytest.approx(seconds, abs=0.01) and meta.get("heard") == heard
    assert len(arrays["audio"]) == min(seconds, 2.0) * RATE


def test_a_clip_tells_its_own_duration(tmp_path, tone):
    soundfile.write(tmp_path / "a.wav", tone(5.0, RATE), RATE)
    request = {"path": str(tmp_path / "a.wav"), "modality": "audio", "sampling_rate": RATE, "max_seconds": 2.0}
    assert decode({**request, "start": 1.0, "end": 2.5})[0] == {"duration": 1.5}
    assert decode({**request, "start": 1.0, "end": 4.0})[0] == {"duration": 3.0, "heard": 2.0}
    assert decode({**request, "start": 4.0, "end": 60.0})[0] == {"duration": 1.0}
    assert decode({**request, "start": 1.0})[0] == {"duration": 4.0, "heard": 2.0}


@pytest.mark.parametrize("suffix", ["flac", "m4a"])
def test_of_an_audio_file_of_hours_only_the_wanted_seconds_are_decoded(tmp_path, make_sound, suffix):
    """As samples it would be 0.7 GB; a clip near its end is reached by seeking."""
    path, rate, hours = tmp_path / f"a.{suffix}", 8000, 3
    if suffix == "flac":
        with soundfile.SoundFile(path, "w", rate, 1) as file:
            for _ in range(hours * 60):
                file.write(np.zeros(60 * rate, np.int16))
    else:
        repeated(make_sound(tmp_path / "minute.m4a", "alac", np.zeros(4096 * 117), rate), path, hours * 60)
    request = {"path": str(path), "modality": "audio", "sampling_rate": RATE, "max_seconds": 30.0}
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for start in (0.0, hours * 3550.0):
        meta, arrays = decode({**request, "start": start})
        assert meta["duration"] == pytest.approx(hours * 3600 - start, abs=60) and meta["heard"] == 30.0
        assert len(arrays["audio"]) == 30 * RATE
    assert time.process_time() - began < 0.5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10


def repeated(source_path, path, times):
    """The packets of an audio file again and again."""
    with av.open(str(source_path)) as source, av.open(str(path), "w") as out:
        stream = source.streams.audio[0]
        copy = out.add_stream_from_template(stream)
        packets = [bytes(packet) for packet in source.demux(stream) if packet.size]
        for number, content in enumerate(packets * times):
            packet = av.Packet(content)
            packet.pts = packet.dts = number * 4096
            packet.duration, packet.time_base, packet.stream = 4096, stream.time_base, copy
            out.mux(packet)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "m4a"])
def test_empty_and_text_files_are_told_and_cut_ones_are_heard_or_told(tmp_path, make_sound, tone, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(b"")
    with pytest.raises(InputError, match="it is empty"):
        load_audio(path, RATE)
    path.write_text("la la la")
    with pytest.raises(InputError, match="it holds text"):
        load_audio(path, RATE)
    if suffix == "m4a":
        make_sound(path, "aac", tone(2.0, 44100), 44100)
    else:
        soundfile.write(path, tone(2.0, 44100), 44100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    try:
        heard = load_audio(path, RATE)
    except InputError as error:
        assert f"a.{suffix} cannot be decoded" in error.problem or "no sound" in error.problem
    else:
        assert RATE / 2 < len(heard) < 1.5 * RATE
        assert heard[2000:12000].std() == pytest.approx(0.25 / np.sqrt(2), rel=0.05)
