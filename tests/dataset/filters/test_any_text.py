"""No text that a conversation can hold makes a filter fail, or lets it take long."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from macaw_cli.config.filters.table import TABLE
from macaw_cli.config.loading import parse_settings
from macaw_cli.dataset.conversations import Origin, checked_conversation
from macaw_cli.dataset.filtering import canonical_row
from macaw_cli.dataset.filters.chain import FilterChain
from macaw_cli.dataset.filters.filter import Surroundings

WITHOUT_MODEL = [name for name in TABLE if name not in ("blind-answerable", "judge")]
WORDS = st.sampled_from(
    ["caption", "no", "yes", "not", "I", "can't", "see", "the image", "2 + 2", "字", "\u2019s", " ", "?"]
)
TEXT = st.lists(WORDS | st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=12).map(" ".join)
ANSWER = TEXT.filter(str.strip)
PARTS = st.lists(st.just({"type": "image"}) | st.builds(lambda text: {"type": "text", "text": text}, TEXT), min_size=1)
TURNS = st.lists(st.tuples(TEXT | PARTS, ANSWER), min_size=1, max_size=3)
KNOWN = st.none() | TEXT | st.lists(TEXT) | st.integers() | st.lists(st.dictionaries(TEXT, TEXT, max_size=2))


@st.composite
def rows(draw):
    messages = [
        message
        for question, answer in draw(TURNS)
        for message in ({"role": "user", "content": question}, {"role": "assistant", "content": answer})
    ]
    row = {"image": ["a.jpg"], "messages": messages, "kind": draw(st.sampled_from([None, "yes-no", "a/unanswerable"]))}
    row |= {key: draw(KNOWN) for key in draw(st.sets(st.sampled_from(["captions", "transcript", "boxes"])))}
    return canonical_row(checked_conversation(row, Origin(0, "c.jsonl", 1)))


def chain():
    return FilterChain(parse_settings({"dataset": {"filters": WITHOUT_MODEL}}, "").dataset.filters, Surroundings())


@given(st.lists(rows(), min_size=1, max_size=6))
@settings(max_examples=30)
def test_any_conversation_is_judged_and_equal_ones_equally(conversations):
    found = [[one.reason(row) for row in conversations] for one in (chain(), chain())]
    assert found[0] == found[1]
    assert all(removal is None or all(removal) for removal in found[0])
    removed, tags = chain().judged_together(lambda: conversations)
    assert set(removed) <= set(range(len(conversations))) and tags == {}


def test_an_answer_of_a_million_characters_takes_no_long_time():
    one = FilterChain(
        parse_settings({"dataset": {"filters": [{"name": "length", "max_characters": 10**7, "max_answer_words": 10**6},
                                                *WITHOUT_MODEL[1:]]}}, "").dataset.filters, Surroundings(),
    )  # fmt: skip
    started = time.process_time()
    for text in ("i can't " * 125_000, "a" * 1_000_000, "the " * 250_000, "'" * 1_000_000, "I am sorry " * 90_000):
        messages = [{"role": "user", "content": "What?"}, {"role": "assistant", "content": text}]
        one.reason({"image": ["a.jpg"], "messages": messages, "captions": [text]})
    assert time.process_time() - started < 30
