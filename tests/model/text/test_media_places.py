"""Media of the first question lose their place, unless text stands between them."""

import pytest

from macaw_cli.basics.errors import MismatchError
from macaw_cli.model.text.media_places import with_first_media_unplaced, without_first_places

IMAGE, AUDIO = {"type": "image"}, {"type": "audio"}


def text(words):
    return {"type": "text", "text": words}


def user(content):
    return {"role": "user", "content": content}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ("What?", "What?"),
        ([IMAGE, text("What?")], "What?"),
        ([IMAGE], ""),
        ([IMAGE, text(" ")], ""),
        ([text("What?"), IMAGE, AUDIO], "What?"),
        ([IMAGE, text(" \n"), AUDIO, text("A"), text("B")], "A\nB"),
        ([text("First"), IMAGE, text("then"), IMAGE], None),
        ([IMAGE, text("and"), AUDIO], None),
        ([text("A"), text("B")], None),
    ],
)
def test_the_first_question_says_no_places_where_no_text_stands_between_media(parts, expected):
    later = [{"role": "assistant", "content": "B"}, user([text("And?"), IMAGE])]
    given = [{"role": "system", "content": "S"}, user(parts), *later]
    changed = with_first_media_unplaced(given, ["image"] * 3 + ["audio"])
    assert changed == [given[0], user(parts if expected is None else expected), *later]


def test_in_a_dataset_the_texts_stay_the_parts_that_they_are():
    later = [{"role": "assistant", "content": "B"}, user([IMAGE, text("And?")])]
    for parts, expected in (
        ([IMAGE, text("What?"), text("\n\ninput")], [text("What?"), text("\n\ninput")]), ([IMAGE], []),
        ([IMAGE, text("and"), AUDIO], [IMAGE, text("and"), AUDIO]), ([text("A"), text("B")], [text("A"), text("B")]),
    ):  # fmt: skip
        assert without_first_places([user(parts), *later]) == [user(expected), *later]


def test_a_conversation_without_a_question_stays_as_it_is():
    assert with_first_media_unplaced([{"role": "system", "content": "S"}], []) == [{"role": "system", "content": "S"}]


@pytest.mark.parametrize("parts", [[IMAGE], [IMAGE, text("What?")], [text("What?"), IMAGE, AUDIO], [IMAGE, IMAGE]])
def test_a_place_without_a_medium_is_no_question_without_media(parts):
    with pytest.raises(MismatchError):
        with_first_media_unplaced([user(parts)], ["audio"])
