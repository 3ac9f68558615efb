"""Text while it comes: whole characters, and nothing of a stop string."""

import pytest
import tiny_macaw
from hypothesis import given
from hypothesis import strategies as st

from macaw_cli.inference.text_stream import TextStream

TOKENIZER = tiny_macaw.byte_tokenizer()


def streamed(text, stop=(), *, cut=0):
    """The pieces of a text that comes byte by byte, and the stream."""
    tokens = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    stream = TextStream(TOKENIZER, stop)
    pieces = []
    for token in tokens[: len(tokens) - cut]:
        pieces.append(stream.add(token))
        if stream.stopped:
            break
    return [*pieces, stream.finish()], stream


def test_half_a_character_waits_for_its_other_half():
    """The two bytes of e-acute are two tokens; no piece may hold a replacement character."""
    pieces, _ = streamed("caf\u00e9!")
    assert [piece for piece in pieces if piece] == ["c", "a", "f", "\u00e9", "!"]


def test_an_answer_that_ends_in_half_a_character_keeps_the_rest():
    _, stream = streamed("caf\u00e9", cut=1)
    assert stream.text == "caf\ufffd"


def test_a_stop_string_and_what_follows_is_not_given_out():
    pieces, stream = streamed("one STOP two", ["STOP"])
    assert (stream.text, stream.stopped) == ("one ", True)
    assert not any("S" in piece for piece in pieces)


def test_the_beginning_of_a_stop_string_that_does_not_come_is_given_out_later():
    pieces, stream = streamed("a ST b S", ["STOP"])
    assert (stream.text, stream.stopped) == ("a ST b S", False)
    assert "".join(pieces) == "a ST b S"


@given(st.text("abc", max_size=12), st.lists(st.text("abc", min_size=1, max_size=3), max_size=3))
def test_whatever_comes_the_text_ends_before_the_first_stop_string(text, stop):
    pieces, stream = streamed(text, stop)
    places = [text.find(one) + len(one) for one in stop if one in text]
    heard = text[: min(places)] if places else text  # up to where a stop string is complete
    expected = heard[: min((heard.find(one) for one in stop if one in heard), default=len(heard))]
    assert stream.text == "".join(pieces) == expected


@pytest.mark.parametrize("stop", [(), ("",)])
def test_an_empty_stop_string_stops_nothing(stop):
    assert streamed("abc", stop)[1].text == "abc"
