"""Words of questions and answers, counted by media and by kind."""

from macaw_cli.reports.text_figures import TextFigures, media_of, message_text, read_counts, text_table
from macaw_cli.shards.training_rows import ConversationRow, MediaRef


def row(*media, kind=None):
    refs = tuple(MediaRef(name, "k", (1, 2), "float16", "s.tar", 0, 4, soundtrack_of=track) for name, track in media)
    return ConversationRow("1", "train", kind, None, refs, (), "s", "s.tar", 0, 1)


def turn(question, answer):
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def test_messages_of_each_role_are_counted_by_words():
    figures = TextFigures()
    figures.add(row(("image", None), kind="k"), [{"role": "system", "content": "be short"}, *turn("a b c", "d")])
    figures.add(row(("image", None)), turn("a", "d e f") + turn("a b", ""))
    table = text_table(figures.as_json()["media"], "Words")
    assert table.rows == [["image", "2", "3", "2.0", "1.3"]]
    assert {name: one["conversations"] for name, one in figures.as_json()["kinds"].items()} == {"(no kind)": 1, "k": 1}
    assert figures.instruction_lengths == {3: 1, 1: 1, 2: 1} and figures.response_lengths == {1: 1, 3: 1, 0: 1}


def test_soundtracks_are_no_media_of_their_own():
    assert media_of(row(("audio", 1), ("video", None))) == "video"
    assert media_of(row(("audio", None), ("image", None))) == "image+audio"
    assert media_of(row()) == "text"


def test_places_of_media_are_no_words():
    parts = [{"type": "image"}, {"type": "text", "text": "What is this?"}]
    assert message_text({"role": "user", "content": parts}) == "What is this?"


def test_counts_are_read_back_as_they_were_written():
    figures = TextFigures()
    figures.add(row(), turn("a b", "c"))
    assert read_counts(figures.as_json()["media"]["text"]) == figures.media["text"]
