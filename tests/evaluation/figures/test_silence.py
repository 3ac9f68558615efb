"""How much of the audio features is padding."""

import pytest

from macaw_cli.evaluation.figures.silence import padding_share
from macaw_cli.shards.training_rows import ConversationRow, MediaRef

WHISPER = {"preprocessing": {"chunk_length": 30, "sampling_rate": 16000, "hop_length": 160}}


def row(*seconds):
    media = tuple(
        MediaRef("audio", "k", (1500, 4), "float16", "s", 0, 0, seconds=one) for one in seconds
    )  # fmt: skip
    return ConversationRow("id", "train", None, None, media, (), "sample", "s", 0, 0)


def test_short_audio_files_in_a_long_window_are_mostly_padding():
    rows = [row(3.0), row(6.0), row()]
    assert padding_share(rows, {"audio": WHISPER}, trimmed=False) == {"audio": pytest.approx(0.85)}
    assert padding_share([row(99.0)], {"audio": WHISPER}, trimmed=False) == {"audio": 0.0}


def test_several_windows_are_counted_as_many_as_each_audio_has():
    one, two = (
        ConversationRow("id", "train", None, None,
                        (MediaRef("audio", "k", shape, "float16", "s", 0, 0, seconds=seconds, stored_shape=stored),),
                        (), "sample", "s", 0, 0)
        for shape, stored, seconds in (((1500, 4), None, 3.0), ((750, 16), (3000, 4), 45.0))
    )  # fmt: skip
    fingerprints = {"audio": {**WHISPER, "audio_windows": 2}}
    assert padding_share([one], fingerprints, trimmed=False) == {"audio": pytest.approx(0.9)}
    assert padding_share([two], fingerprints, trimmed=False) == {"audio": pytest.approx(0.25)}
    assert padding_share([one, two], fingerprints, trimmed=False) == {"audio": pytest.approx(1 - 2400 / 4500)}


def test_nothing_is_told_of_audio_files_that_are_trimmed_or_of_unknown_length():
    assert padding_share([row(3.0)], {"audio": WHISPER}, trimmed=True) == {}
    assert padding_share([row(3.0)], {"audio": {**WHISPER, "audio_padding": "drop"}}, trimmed=False) == {}
    assert padding_share([row(None)], {"audio": WHISPER}, trimmed=False) == {}
    assert padding_share([row(3.0)], {"audio": {"model": "wav2vec"}}, trimmed=False) == {}
    assert padding_share([row()], {}, trimmed=False) == {}


def test_nothing_is_told_of_features_that_do_not_fill_whole_windows():
    odd = MediaRef("audio", "k", (1499, 4), "float16", "s", 0, 0, seconds=3.0)
    rows = [ConversationRow("id", "train", None, None, (odd,), (), "sample", "s", 0, 0)]
    assert padding_share(rows, {"audio": WHISPER}, trimmed=False) == {}
