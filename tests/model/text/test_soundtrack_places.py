"""The soundtrack of a video that has a place in the messages stands directly before it."""

import pytest

from macaw_cli.model.text.soundtrack_places import with_soundtrack_places, without_soundtrack_places

WORDS = {"type": "text", "text": "x"}
KINDS = {"a": {"type": "audio"}, "v": {"type": "video"}, "i": {"type": "image"}, "x": WORDS}


def messages(*turns):
    """One user message a word, a letter for each part; `-` is plain text."""
    found = []
    for turn in turns:
        content = "plain" if turn == "-" else [KINDS[letter] for letter in turn]
        found += [{"role": "user", "content": content}, {"role": "assistant", "content": "yes"}]
    return found


@pytest.mark.parametrize(
    ("given", "tracks", "audio", "expected", "order"),
    [
        (["-", "vx"], [True], 0, ["-", "avx"], [0]),
        (["xax", "vx"], [True], 1, ["xax", "avx"], [1, 0]),
        (["-", "vx"], [True], 1, ["-", "avx"], [1, 0]),
        (["-", "vx"], [True, True], 0, ["-", "avx"], [0, 1]),
        (["-", "vxvx"], [False, True, True], 2, ["-", "avxavx"], [2, 3, 0, 1]),
        (["-", "ivx", "xax"], [True], 2, ["-", "iavx", "xax"], [1, 0, 2]),
        (["-", "-"], [True], 2, ["-", "-"], [0, 1, 2]),
        (["avx", "vx"], [True, True], 1, ["avx", "avx"], [0, 2, 1]),
        (["-", "vx"], [False], 1, ["-", "vx"], [0]),
    ],
)
def test_it_comes_with_its_video_and_other_audio_keeps_its_place(given, tracks, audio, expected, order):
    assert with_soundtrack_places(messages(*given), tracks, audio) == (messages(*expected), order)


def test_a_place_that_stands_there_already_is_the_soundtracks():
    cases = ((["-", "avx"], [True], 0), (["xax", "avx"], [True], 1), (["-", "avxvx"], [True] * 2, 0))
    for given, tracks, audio in cases:
        once, order = with_soundtrack_places(messages(*given), tracks, audio)
        assert with_soundtrack_places(once, tracks, audio) == (once, order)
    assert with_soundtrack_places(messages("xax", "avx"), [True], 2) == (messages("xax", "aavx"), [1, 2, 0])
    assert with_soundtrack_places(messages("xax", "avx"), [True], 1) == (messages("xax", "avx"), [1, 0])


@pytest.mark.parametrize(
    ("placed", "soundtracks", "expected"),
    [
        (["-", "avx"], [True], ["-", "vx"]),
        (["-", "avx"], [True, False], ["-", "avx"]),
        (["xax", "avx"], [False, True], ["xax", "vx"]),
        (["xax", "aavx"], [False, False, True], ["xax", "avx"]),
        (["xax", "vx"], [True], ["xax", "vx"]),
    ],
)
def test_written_as_text_again_the_messages_are_those_of_the_source(placed, soundtracks, expected):
    assert without_soundtrack_places(messages(*placed), soundtracks) == messages(*expected)


def test_a_place_elsewhere_that_no_audio_file_takes_is_the_soundtracks_as_given():
    assert with_soundtrack_places(messages("xax", "vx"), [True], 0) == (messages("xax", "vx"), [0])
