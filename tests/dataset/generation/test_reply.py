"""From the text of a reply to pairs: every failure has a name, and no text is too odd."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from macaw_cli.dataset.generation.kinds.registry import KINDS
from macaw_cli.dataset.generation.reply import Outcome, ParsedReply, parse_reply

PAIR = {"question": "What is on the sofa in the room?", "answer": "A large dog with brown fur."}
OTHER = {"question": "What color is the dog on the sofa?", "answer": "The dog is brown and white."}


def parsed(
    text: str, kind: str = "question-answer", asked: int = 2, finish: str = "stop", refusal: str = ""
) -> ParsedReply:
    return parse_reply(text, finish, refusal, KINDS[kind], asked, "en")


def reply(*pairs: object) -> str:
    return json.dumps({"pairs": list(pairs)})


@pytest.mark.parametrize(
    ("text", "outcome", "pairs"),
    [
        (reply(PAIR, OTHER), Outcome.OK, 2),
        (reply(PAIR), Outcome.FEWER, 1),
        (reply(PAIR, OTHER, {**PAIR, "question": "Is there a third?"}), Outcome.MORE, 2),
        ("```json\n" + reply(PAIR, OTHER) + "\n```", Outcome.REPAIRED, 2),
        ("Here you are:\n" + reply(PAIR, OTHER) + "\nEnjoy!", Outcome.REPAIRED, 2),
        (json.dumps([PAIR, OTHER]), Outcome.OK, 2),
        (reply(PAIR, OTHER).replace('"', "'"), Outcome.REPAIRED, 2),
        (reply(PAIR, OTHER)[:-2], Outcome.REPAIRED, 2),
        ("", Outcome.EMPTY, 0),
        ("   \n", Outcome.EMPTY, 0),
        ("I cannot do that.", Outcome.NOT_JSON, 0),
        ('{"answers": []}', Outcome.WRONG_SCHEMA, 0),
        ('{"pairs": "none"}', Outcome.WRONG_SCHEMA, 0),
        (reply({"q": "a", "a": "b"}), Outcome.WRONG_SCHEMA, 0),
        (reply(1, 2), Outcome.WRONG_SCHEMA, 0),
        ("[" * 100_000, Outcome.NOT_JSON, 0),
    ],
)
def test_a_reply_has_an_outcome_and_its_good_pairs(text: str, outcome: Outcome, pairs: int) -> None:
    found = parsed(text)
    assert (found.outcome, len(found.pairs)) == (outcome, pairs)
    assert found.pairs or found.reason or found.rejected


def test_a_reply_that_is_cut_off_gives_its_whole_pairs() -> None:
    found = parsed(reply(PAIR, OTHER)[:-15], finish="length")
    assert found.outcome is Outcome.TRUNCATED
    assert [pair.question for pair in found.pairs] == [PAIR["question"]]


def test_a_refusal_is_told_in_its_own_words() -> None:
    found = parsed("", refusal="I will not describe this.")
    assert found.outcome is Outcome.REFUSED
    assert found.reason == "I will not describe this."
    assert parsed(reply(PAIR), finish="content_filter").outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("pairs", "kind", "reason"),
    [
        ([{"question": " ", "answer": "x"}], "question-answer", "empty question or answer"),
        ([PAIR, {**PAIR, "answer": "Another one."}], "question-answer", "the same question twice in one reply"),
        ([{"question": "Was ist auf dem Bild zu sehen?", "answer": "Eine große Katze auf dem Sofa."}],
         "question-answer", "not in the language en"),
        ([{"question": "Is there a dog?", "answer": "Perhaps."}], "yes-no",
         "the answer begins with neither yes nor no"),
        ([{"question": "How many dogs are there?", "answer": "Some."}], "counting",
         "the answer holds no number in digits"),
        ([{"question": 3, "answer": None}, PAIR], "question-answer", "not a question with an answer"),
    ],
)  # fmt: skip
def test_a_pair_that_cannot_be_used_has_a_reason(pairs: list[object], kind: str, reason: str) -> None:
    assert [rejected.reason for rejected in parsed(reply(*pairs), kind).rejected] == [reason]


def test_a_number_as_answer_is_text() -> None:
    (pair,) = parsed(reply({"question": "How many dogs are on the sofa?", "answer": 3}), "counting", 1).pairs
    assert pair.answer == "3"


def test_lone_surrogates_are_left_out() -> None:
    (pair,) = parsed('{"pairs": [{"question": "What is \\ud83d there?", "answer": "A dog"}]}', asked=1).pairs
    assert pair.question == "What is  there?"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["pairs", "question", "answer", "x"]), inner, max_size=4),
    max_leaves=12,
)


@given(st.text(max_size=200) | JSON.map(json.dumps) | JSON.map(lambda value: json.dumps({"pairs": value})))
def test_whatever_a_model_writes_is_pairs_or_a_reason(text: str) -> None:
    found = parsed(text)
    assert found.pairs or found.rejected or found.reason or found.outcome is Outcome.FEWER
    for pair in found.pairs:
        assert pair.question.strip() == pair.question != ""
        (pair.question + pair.answer).encode()


@given(st.integers(0, 200))
def test_a_reply_cut_anywhere_is_pairs_or_a_reason(length: int) -> None:
    found = parsed(reply(PAIR, OTHER)[:length], finish="length")
    assert {pair.question for pair in found.pairs} <= {PAIR["question"], OTHER["question"]}
    assert {pair.answer for pair in found.pairs} <= {PAIR["answer"], OTHER["answer"]}
