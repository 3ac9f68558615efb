"""Audio files: as many events as named, at the named pitch, in files that real readers read."""

import numpy as np
import pytest
import soundfile

from macaw_cli.quickstart.attributes import COUNTS, AudioContent, all_audio
from macaw_cli.quickstart.audio import HERTZ, SECONDS, synthesize, write_wav

RATE = 16000


def bursts(waveform: np.ndarray) -> int:
    """Number of loud stretches that are at least 60 ms apart."""
    frame = RATE // 100
    loudness = np.abs(waveform[: len(waveform) // frame * frame]).reshape(-1, frame).max(axis=1)
    loud = np.flatnonzero(loudness > 0.25 * loudness.max())
    return 1 + int((np.diff(loud) > 6).sum())


@pytest.mark.parametrize("sound", all_audio()[::3], ids=lambda s: f"{s.sound}-{s.pitch}-{s.count}")
def test_it_audio_files_as_often_as_its_count_says(sound):
    waveform = synthesize(sound, RATE, np.random.default_rng(0))
    assert waveform.dtype == np.float32
    assert np.abs(waveform).max() <= 1
    assert len(waveform) <= SECONDS * RATE
    assert bursts(waveform) == COUNTS.index(sound.count) + 1


@pytest.mark.parametrize("pitch", HERTZ)
def test_a_beep_has_its_pitch(pitch):
    waveform = synthesize(AudioContent("beep", pitch, "one"), RATE, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(waveform))
    hertz = np.fft.rfftfreq(len(waveform), 1 / RATE)[spectrum.argmax()]
    assert 0.95 * HERTZ[pitch][0] < hertz < 1.05 * HERTZ[pitch][1]


def test_most_files_are_16_khz_mono_and_some_are_not(tmp_path):
    found = set()
    for seed in range(30):
        path = tmp_path / f"{seed}.wav"
        write_wav(path, AudioContent("buzz", "low", "four"), np.random.default_rng(seed))
        info = soundfile.info(path)
        found.add((info.samplerate, info.channels))
        assert info.duration <= SECONDS
    assert found == {(16000, 1), (44100, 2)}
