"""Where the text of a medium stands in a conversation."""

import pytest

from macaw_cli.basics.errors import MismatchError
from macaw_cli.model.text.told_media import with_told
from macaw_cli.shards.told_media import TextUse, ToldMedium, cut_words

KEEP, REPLACE = TextUse(("transcript",)), TextUse(("transcript",), frozenset({"audio", "image"}))
AUDIO, OTHER, IMAGE = ToldMedium("audio", "1", "Heard: a."), ToldMedium("audio", "2", "Heard: b."), ToldMedium(
    "image", "3", "Seen: c.")  # fmt: skip


def said(content):
    return [{"role": "user", "content": content}, {"role": "assistant", "content": "Yes."}]


def text(words):
    return {"type": "text", "text": words}


@pytest.mark.parametrize(
    ("content", "told", "use", "expected"),
    [
        ("Why?", [AUDIO], KEEP, "Heard: a.\nWhy?"),
        ("Why?", [IMAGE, AUDIO], REPLACE, "Seen: c.\nHeard: a.\nWhy?"),
        ("Why?", [], KEEP, "Why?"),
        ([{"type": "audio"}, text("Why?")], [AUDIO], KEEP, [text("Heard: a.\nWhy?")]),
        ([{"type": "audio"}, text("Why?")], [AUDIO], REPLACE, [text("Heard: a.\nWhy?")]),
        ([{"type": "audio"}, text("Why?")], [AUDIO, OTHER], REPLACE, [text("Heard: a.\nHeard: b.\nWhy?")]),
        ([text("First: "), {"type": "audio"}, text("Why?")], [AUDIO], KEEP,
         [text("First: "), {"type": "audio"}, text("Heard: a.\nWhy?")]),
        ([{"type": "image"}, text("Why?")], [AUDIO], KEEP, [text("Heard: a.\nWhy?")]),
        ([text("In "), {"type": "image"}, text("why?")], [AUDIO], KEEP,
         [text("Heard: a.\nIn "), {"type": "image"}, text("why?")]),
        ([text("Sum up."), text("\n\nThe input.")], [AUDIO], KEEP,
         [text("Heard: a.\nSum up."), text("\n\nThe input.")]),
    ],
)  # fmt: skip
def test_a_text_stands_at_the_place_of_its_medium_or_before_the_question(content, told, use, expected):
    before = said(content)
    assert with_told(before, told, use) == said(expected)
    assert before == said(content)  # the given messages are not changed


def test_media_of_later_turns_are_told_where_they_come():
    messages = [*said("Why?"), *said([{"type": "audio"}, text("And here?")])]
    told = with_told(messages, [AUDIO, OTHER], KEEP)
    assert [message["content"] for message in told if message["role"] == "user"] == [
        "Heard: a.\nWhy?", [{"type": "audio"}, text("Heard: b.\nAnd here?")],
    ]  # fmt: skip


def test_more_places_than_described_media_are_refused():
    with pytest.raises(MismatchError, match="2 positions for audio"):
        with_told(said([{"type": "audio"}, text("and"), {"type": "audio"}]), [AUDIO], REPLACE)


def test_the_system_text_stands_first_and_behind_one_of_the_conversation():
    use = TextUse(("transcript",), system="Do not invent.")
    assert with_told(said("Why?"), [AUDIO], use)[0] == {"role": "system", "content": "Do not invent."}
    own = [{"role": "system", "content": "Be kind."}, *said("Why?")]
    assert with_told(own, [AUDIO], use)[0]["content"] == "Be kind.\n\nDo not invent."
    assert with_told(own, [], use) == own


def test_a_long_text_is_cut_behind_whole_words_and_keeps_its_lines():
    assert cut_words("one two\nthree four", 3) == "one two\nthree ..."
    assert cut_words("one two\nthree", 3) == "one two\nthree"
    use = TextUse(("tags", "transcript"), max_words=2)
    assert use.text(["Tags: dog | cat", "Transcript: yes"]) == "Tags: dog ...\nTranscript: yes"
