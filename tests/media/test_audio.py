import numpy as np
import pytest
import soundfile

from macaw_cli.basics.errors import InputError
from macaw_cli.media.audio import load_audio, load_sound

RATE = 16000


def tone(seconds=1.0, rate=RATE, hertz=440.0):
    return (0.25 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("suffix, rate", [("wav", RATE), ("wav", 44100), ("flac", 48000), ("ogg", 8000), ("mp3", 8000)])
def test_any_rate_comes_out_at_the_asked_one(tmp_path, suffix, rate):
    soundfile.write(tmp_path / f"a.{suffix}", tone(rate=rate), rate)
    samples = load_audio(tmp_path / f"a.{suffix}", RATE)
    assert samples.dtype == np.float32 and abs(len(samples) - RATE) < 1200
    loudest = np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples)
    assert abs(loudest - 440) < 2


@pytest.mark.parametrize("suffix", ["wav", "flac", "m4a", "mka"])
def test_the_level_is_the_same_in_mono_and_stereo(tmp_path, make_film, suffix):
    import av

    levels = []
    for channels in (1, 2):
        path = tmp_path / f"{channels}.{suffix}"
        if suffix in ("wav", "flac"):
            soundfile.write(path, np.tile(tone()[:, None], channels), RATE)
        else:
            with av.open(str(path), "w") as container:
                stream = container.add_stream("aac", rate=RATE, layout="stereo" if channels == 2 else "mono")
                wave = np.tile(tone(), (channels, 1))
                frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout=stream.layout.name)
                frame.sample_rate = RATE
                for packet in [*stream.encode(frame), *stream.encode()]:
                    container.mux(packet)
        levels.append(load_audio(path, RATE)[2000:-2000].std())
    assert levels[0] == pytest.approx(0.25 / np.sqrt(2), rel=0.02)
    assert levels[1] == pytest.approx(levels[0], rel=0.01)


@pytest.mark.parametrize("suffix", ["wav", "mp4"])
def test_a_clip_is_the_same_piece_of_the_whole(tmp_path, make_film, suffix):
    path = tmp_path / f"a.{suffix}"
    if suffix == "wav":
        soundfile.write(path, tone(4.0), RATE)
    else:
        make_film(path, frames=24, seconds_of_sound=4.0)
    whole = load_sound(path, RATE)
    clip = load_sound(path, RATE, 2.5, 3.0)
    assert len(clip.samples) == RATE // 2 and clip.duration == pytest.approx(4.0, abs=0.15)
    np.testing.assert_allclose(clip.samples, whole.samples[40000:48000], atol=2e-3)


def test_the_soundtrack_of_a_film_is_read(tmp_path, make_film):
    film = make_film(tmp_path / "a.mp4", seconds_of_sound=2.0, channels=2, rate=44100)
    samples = load_audio(film, RATE)
    assert len(samples) == pytest.approx(2 * RATE, rel=0.05)
    assert samples[4000:-4000].std() == pytest.approx(0.25 / np.sqrt(2), rel=0.03)


def test_what_is_no_sound_is_told(tmp_path, make_film):
    (tmp_path / "text.wav").write_text("la la la")
    (tmp_path / "empty.mp3").write_bytes(b"")
    soundfile.write(tmp_path / "nothing.wav", np.zeros(0, np.float32), RATE)
    silent = make_film(tmp_path / "silent.mp4")
    with pytest.raises(InputError, match="cannot be decoded: it holds text"):
        load_audio(tmp_path / "text.wav", RATE)
    with pytest.raises(InputError, match="it is empty"):
        load_audio(tmp_path / "empty.mp3", RATE)
    with pytest.raises(InputError, match="holds no sound"):
        load_audio(tmp_path / "nothing.wav", RATE)
    with pytest.raises(InputError, match="has no sound in it"):
        load_audio(silent, RATE)
    with pytest.raises(InputError, match="There is no file"):
        load_audio(tmp_path / "missing.wav", RATE)


def test_a_clip_behind_the_end_is_told(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    with pytest.raises(InputError, match="no sound between 5"):
        load_audio(tmp_path / "a.wav", RATE, 5.0, 6.0)
