"""Which tokens of a padded audio file lie within its length."""

import math
import random
from itertools import pairwise

import pytest

from macaw_cli.basics.errors import MismatchError
from macaw_cli.encoders.padding import WindowLayout, window_layout

WHISPER = {"preprocessing": {"chunk_length": 30, "sampling_rate": 16_000, "hop_length": 160}}


def test_the_layout_is_read_off_the_fingerprint():
    assert window_layout(WHISPER) == WindowLayout(1500, 1, 480_000, 16_000)
    assert window_layout(WHISPER | {"pool": "500", "layer": [2, 4, 6]}) == WindowLayout(500, 3, 480_000, 16_000)
    assert window_layout(WHISPER | {"pool": "mean"}).positions == 1
    assert window_layout(WHISPER | {"pool": "2000"}).positions == 1500


@pytest.mark.parametrize("fingerprint", [{}, {"preprocessing": {"window_seconds": 30.0, "sampling_rate": 16_000}}])
def test_an_encoder_that_gives_an_audio_file_as_many_tokens_as_it_is_long_has_none(fingerprint):
    assert window_layout(fingerprint) is None


@pytest.mark.parametrize(("seconds", "expected"), [
    (0.28, [14]), (0.7, [35]), (0.70001, [35]), (0.7001, [36]), (0.0, [1]), (30.0, [1500]), (99.0, [1500]),
])  # fmt: skip
def test_a_token_counts_as_heard_when_the_audio_reaches_into_it(seconds, expected):
    """0.28 x 50 is above 14 in floating point; 0.7001 s are one sample and a half longer than 35 tokens."""
    assert window_layout(WHISPER).heard(1500, seconds) == expected


def test_the_last_of_several_windows_is_cut():
    assert window_layout(WHISPER).heard(4500, 61.0) == [1500, 1500, 50]
    assert window_layout(WHISPER).heard(3000, 29.9) == [1495, 1]  # a header that says less than was decoded


def test_slices_are_the_tokens_whose_time_lies_within_the_audio_for_any_layout():
    dice = random.Random(0)
    for _ in range(300):
        layout = WindowLayout(dice.randint(1, 12), dice.randint(1, 3), dice.randint(20, 90), dice.randint(5, 50))
        windows = dice.randint(1, 4)
        samples = dice.randint(1, windows * layout.samples)
        expected, place = [], 0
        for window in range(windows):
            last = math.ceil(max(samples - window * layout.samples, 1) / layout.samples * layout.positions - 1e-9)
            for _ in range(layout.layers):
                expected += [place + position for position in range(layout.positions) if position < max(last, 1)]
                place += layout.positions
        found = layout.slices(place, samples / layout.sampling_rate)
        assert [token for part in found for token in range(part.start, part.stop)] == expected
        assert all(one.stop < other.start for one, other in pairwise(found))


@pytest.mark.parametrize("tokens", [1499, 0, 2000])
def test_tokens_that_fill_no_whole_windows_are_refused(tokens):
    with pytest.raises(MismatchError, match=rf"{tokens} tokens.*1500"):
        window_layout(WHISPER).heard(tokens, 3.0)
