"""Words of questions and answers."""

from dataclasses import asdict

from macaw_cli.reports.text_figures import (
    TextCounts,
    TextLengths,
    media_name,
    message_text,
    message_words,
    read_counts,
    text_table,
)


def turn(question, answer):
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def test_messages_of_each_role_are_counted_by_words():
    words = message_words([{"role": "system", "content": "be short"}, *turn("a b c", "d"), *turn("a b", "")])
    assert (words.instructions, words.responses) == ([3, 2], [1, 0])


def test_lengths_are_counted_over_conversations():
    lengths = TextLengths()
    lengths.add(turn("a b", "c") + turn("a", "c"))
    lengths.add(turn("a b", "c d"))
    assert (lengths.instructions, lengths.responses) == ({2: 2, 1: 1}, {1: 2, 2: 1})


def test_the_table_has_means_and_no_division_by_zero():
    counts = TextCounts(2, 3, 30, 4)
    table = text_table({"image": asdict(counts), "text": asdict(TextCounts())}, "Words")
    assert table.rows == [["image", "2", "3", "10.0", "1.3"], ["text", "0", "0", "-", "-"]]
    assert read_counts(asdict(counts)) == counts


def test_media_are_named_in_the_order_of_the_table():
    assert media_name({"video", "image"}) == "image+video" and media_name(()) == "text"


def test_places_of_media_are_no_words():
    parts = [{"type": "image"}, {"type": "text", "text": "What is this?"}]
    assert message_text({"role": "user", "content": parts}) == "What is this?"
