"""The files of `../shared/cases/media`, on which users of comparable tools stumbled; skipped where they are absent."""

from pathlib import Path

import numpy as np
import pytest

from macaw_cli.media.audio import decode_audio
from macaw_cli.media.decoding import decode
from macaw_cli.media.images import load_image

RATE = 16000
PLACES = [above / "shared/cases/media" for above in Path(__file__).parents]
CASES = next((place for place in PLACES if place.is_dir()), None)
pytestmark = pytest.mark.skipif(CASES is None, reason="the reported files are not here")


def heard(name, *clip):
    return decode_audio(CASES / name, RATE, *clip).samples


def pitches(samples):
    """Of each second, 0 for silence."""
    seconds = [samples[first : first + RATE] for first in range(0, len(samples) - RATE // 2, RATE)]
    return [round(float(np.abs(np.fft.rfft(one)).argmax() * RATE / len(one)), -1) if one.std() > 0.01 else 0
            for one in seconds]  # fmt: skip


@pytest.mark.parametrize("name, expected", [
    ("chained.ogg", [440] * 8), ("joined_same.mp3", [440] * 4 + [880] * 4), ("mixed_rate.mp3", [440] * 8),
    ("aac_named.mp3", [440] * 4), ("wav_data_size_0.wav", [440] * 3), ("joined.ts", [440] * 3 + [880] * 3),
    ("gap.mp4", [440] * 4 + [0] * 4 + [880] * 4),
])  # fmt: skip
def test_every_second_of_the_audio_is_there_and_in_its_place(name, expected):
    assert pitches(heard(name)) == expected


@pytest.mark.parametrize("name, clip", [
    ("gap.mp4", (9.0, 11.0)), ("gap.mp4", (6.1, 8.4)), ("late_audio.mkv", (2.0, 4.0)), ("late_audio.mkv", (7.5, 9.5)),
    ("joined.ts", (3.5, 5.0)),
])  # fmt: skip
def test_a_clip_is_that_piece_of_the_whole(name, clip):
    whole = heard(name)[round(clip[0] * RATE) : round(clip[1] * RATE)]
    np.testing.assert_allclose(heard(name, *clip), whole, atol=2e-3)  # AAC fills in noise


def test_audio_that_begins_late_begins_with_silence():
    assert not heard("late_audio.mkv")[: round(4.9 * RATE)].any()
    assert heard("late_audio.mkv")[5 * RATE : 6 * RATE].std() > 0.05


@pytest.mark.parametrize("decoder", ["pyav", "decord"])
def test_frames_are_shown_as_a_player_shows_them(decoder):
    def frames(name):
        return decode({"path": str(CASES / name), "modality": "video", "frames": 3, "decoder": decoder})[1]["video"]

    upright = frames("upright.mp4").astype(int)
    assert np.abs(frames("hflip.mp4") - upright[:, :, ::-1]).mean() < 3
    assert np.abs(frames("antitranspose.mp4") - upright.swapaxes(1, 2)[:, ::-1, ::-1]).mean() < 3
    assert frames("anamorphic.mp4").shape == frames("square.mp4").shape


def test_antiphase_is_told_and_a_long_text_does_not_hide_the_image():
    assert "cancel" in decode_audio(CASES / "antiphase.wav", RATE).warning
    assert load_image(CASES / "bigtext.png").size == (64, 32)
