import numpy as np
import pytest
import soundfile

from macaw_cli.basics.errors import InputError
from macaw_cli.media.audio import load_audio

RATE = 16000


def tone(seconds=1.0, rate=RATE, hertz=440.0):
    return (0.25 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def test_the_soundtrack_of_a_video_is_read(tmp_path, make_film):
    film = make_film(tmp_path / "a.mp4", seconds_of_sound=2.0, channels=2, rate=44100)
    samples = load_audio(film, RATE)
    assert len(samples) == pytest.approx(2 * RATE, rel=0.05)
    assert samples[4000:-4000].std() == pytest.approx(0.25 / np.sqrt(2), rel=0.03)


def test_what_is_no_audio_is_told(tmp_path, make_film):
    (tmp_path / "text.wav").write_text("la la la")
    (tmp_path / "empty.mp3").write_bytes(b"")
    soundfile.write(tmp_path / "nothing.wav", np.zeros(0, np.float32), RATE)
    silent = make_film(tmp_path / "silent.mp4")
    with pytest.raises(InputError, match="cannot be decoded: it holds text"):
        load_audio(tmp_path / "text.wav", RATE)
    with pytest.raises(InputError, match="it is empty"):
        load_audio(tmp_path / "empty.mp3", RATE)
    with pytest.raises(InputError, match="has no audio that"):
        load_audio(tmp_path / "nothing.wav", RATE)
    with pytest.raises(InputError, match="has no audio stream"):
        load_audio(silent, RATE)
    with pytest.raises(InputError, match="There is no file"):
        load_audio(tmp_path / "missing.wav", RATE)


def test_a_clip_behind_the_end_is_told(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    with pytest.raises(InputError, match="no audio between 5"):
        load_audio(tmp_path / "a.wav", RATE, 5.0, 6.0)
