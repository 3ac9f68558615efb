"""Each filter: what it keeps, what it drops, and which word of the reason tells why."""

import pytest
from filter_rows import about, said

from macaw_cli.config.filters.chosen import FOR_GENERATED
from macaw_cli.config.filters.table import TABLE
from macaw_cli.config.loading import parse_settings
from macaw_cli.dataset.filters.chain import FilterChain
from macaw_cli.dataset.filters.filter import Surroundings

KEPT, DROPPED = True, False
LONG = " ".join(["word"] * 30)
GERMAN = "Der Hund läuft über die Straße und bellt den Briefträger an, der gerade vorbeikommt."
CASES = [
    ("length", about("What is it?", "A dog."), ""),
    ("length", about("", "A dog."), ""),
    ("length", about("What is it?", "x" * 100_000), "100,000 characters"),
    ("length", about("What is it?", "字" * 20_001), "20,001 characters"),
    ({"name": "length", "max_answer_words": 29}, about("What is it?", LONG), "answer has 30 words"),
    ({"name": "length", "min_question_words": 4}, about("What is it?", "A dog."), "question has 3 words"),
    ({"name": "length", "min_question_words": 4}, about("", "A dog."), ""),
    ("language", about("What is it?", "Ein Hund."), ""),
    ("language", about("Describe the image.", GERMAN), "language en"),
    ({"name": "language", "language": "de"}, about("Was ist zu sehen?", GERMAN), ""),
    ("refusals", about("What is it?", "As an AI language model, I like dogs."), "As an AI"),
    ("refusals", about("What is it?", "Sorry, but I can't see the image."), "can't see the image"),
    ("refusals", about("What is it?", "I\u2019m unable to view the attached photo."), "view the attached photo"),
    ("refusals", about("What is it?", "I am not able to listen to audio."), "listen to audio"),
    ("refusals", about("What is it?", "I'm sorry, but there is no dog."), "sorry"),
    ("refusals", about("Where is it?", "I cannot see the image's date.", kind="unanswerable"), ""),
    ("refusals", about("What does the sign say?", "It says that no photos are allowed."), ""),
    ("refusals", about("Who made it?", "An AI laboratory."), ""),
    ({"name": "refusals", "phrases": "beats me"}, about("What is it?", "That Beats me."), "Beats me"),
    ({"name": "refusals", "phrases": "a.b"}, about("What is it?", "axb"), ""),
    ("caption-words", about("What does the caption say?", "A dog."), "question mentions"),
    ("caption-words", about("What is it?", "The Captions say a dog."), "answer mentions"),
    ("caption-words", about("Who is it?", "A captive."), ""),
    ("caption-words", about("What is it?", "There is no dog."), '"no"'),
    ("caption-words", about("What is it?", "No."), '"no"'),
    ("caption-words", about("Is it not a dog?", "Another animal, nothing to notice."), ""),
    ({"name": "caption-words", "negations": False}, about("Is it a dog?", "No, it is not."), ""),
    ("answer-in-question", about("What color is the red car?", "Red."), "gives the answer away"),
    ("answer-in-question", about("What color is the red car?", "It is red, with a dent."), ""),
    ("answer-in-question", about("Is the car red?", "Yes, the car is red."), ""),
    ("answer-in-question", about("Is the car red or blue?", "Red."), ""),
    ("answer-in-question", about("Which one is red?", "Red.", choices=["Red.", "Blue."]), ""),
    ("answer-in-question", said("Repeat the word apple.", "Apple."), ""),
    ("answer-in-question", about("How many of the 2 dogs sleep?", "Two."), "gives the answer away"),
    ("answer-in-question", about("What is it?", "It is."), ""),
    ({"name": "answer-in-question", "share": 0.5}, about("Where is the red car?", "A car park."), "gives"),
    ("grounded", about("What is it?", "A cat."), ""),
    ("grounded", about("What is it?", "A dog.", captions=["a brown dog"]), ""),
    ("grounded", about("What is it?", "A cat.", captions=["a brown dog"]), "cat"),
]  # fmt: skip


def chain(chosen, seed=0):
    return FilterChain(parse_settings({"dataset": {"filters": chosen}}, "").dataset.filters, Surroundings(seed))


@pytest.mark.parametrize(("chosen", "row", "reason"), CASES)
def test_a_filter_keeps_what_is_good_and_says_why_it_drops_the_rest(chosen, row, reason):
    name = chosen if isinstance(chosen, str) else chosen["name"]
    found = chain(chosen).reason(row)
    assert (found is None) == (reason == "")
    assert found is None or (found[0] == name and reason in found[1])


@pytest.mark.parametrize(
    ("question", "answer", "kept"),
    [
        ("What is the caption?", "A dog.", False),
        ("What is it?", "Caption this: a dog.", True),
        ("What is it?", "A recaptioned dog.", False),
        ("What is it?", "There is no dog.", False),
        ("What is it?", "No dog.", True),
        ("What is it?", "A dog, no", True),
        ("What is it?", "Another dog.", False),
        ("What is it?", "Nothing.", True),
        ("What is it?", "Is there nothing?", False),
        ("Is it not a dog?", "A dog.", True),
    ],
)
def test_as_published_the_caption_filter_is_the_substring_test(question, answer, kept):
    published = not ("caption" in question or "caption" in answer or " no " in answer or "not" in answer)
    assert published == kept
    found = chain({"name": "caption-words", "as_published": True}).reason(about(question, answer))
    assert (found is None) == kept


def test_exact_duplicates_differ_in_case_punctuation_and_space_only():
    one = chain("duplicates")
    assert one.reason(about("What is it?", "A dog.")) is None
    assert one.reason(about(" what  is it", "a dog!")) is not None
    assert one.reason(about("What is it?", "A cat.")) is None
    assert one.reason(about("What is it?", "A dog.", image="b.jpg")) is None
    assert one.reason(said("How much is 2+2?", "4")) is None
    assert one.reason(said("How much is 2-2?", "4")) is None
    assert one.reason(said("How much is 35?", "4")) is None
    assert one.reason(said("How much is 3.5?", "4")) is None


def test_duplicates_may_be_told_by_their_questions_and_in_the_whole_dataset():
    by_question = chain({"name": "duplicates", "compare": "questions"})
    assert by_question.reason(about("What is it?", "A dog.")) is None
    assert by_question.reason(about("What is it?", "A cat.")) is not None
    assert by_question.reason(about("What is it?", "A cat.", image="b.jpg")) is None
    overall = chain({"name": "duplicates", "within": "dataset"})
    assert overall.reason(about("What is it?", "A dog.")) is None
    assert overall.reason(about("What is it?", "A dog.", image="b.jpg")) is not None


def yes_no(yes, no):
    return [about("Is it?", "Yes.", image=f"{n}.jpg") for n in range(yes)] + [
        about("Is it?", "no, it is not", image=f"{n}.jpg") for n in range(no)
    ]


@pytest.mark.parametrize(
    ("yes", "no", "share", "dropped"),
    [
        (10, 4, 0.5, (6, 0)),
        (4, 10, 0.5, (0, 6)),
        (5, 5, 0.5, (0, 0)),
        (10, 0, 0.5, (0, 0)),
        (0, 10, 0.5, (0, 0)),
        (30, 5, 0.25, (15, 0)),
        (1, 9, 0.25, (0, 8)),
    ],
)
def test_yes_and_no_are_balanced_to_the_share(yes, no, share, dropped):
    rows = [*yes_no(yes, no), about("What?", "Nothing."), said("Is it?", "Yes.", "Sure?", "Yes.")]
    one = chain({"name": "yes-no-balance", "no_share": share})
    removed, tags = one.judged_together(lambda: rows)
    assert (sum(n < yes for n in removed), sum(yes <= n for n in removed)) == dropped
    assert all(n < yes + no for n in removed)
    assert tags == {}


def test_the_seed_decides_which_answers_balance_drops():
    def removed(seed):
        return sorted(chain("yes-no-balance", seed).judged_together(lambda: yes_no(20, 10))[0])

    assert removed(0) == removed(0) != removed(1)


def test_filters_apply_in_order_and_those_that_judge_alone_come_first():
    one = chain(["duplicates", "length", "caption-words"])
    long = about("What is it?", "x" * 100_000)
    assert one.reason(long)[0] == one.reason(long)[0] == "length"
    assert one.reason(about("What caption is it?", "x" * 100_000))[0] == "length"
    assert one.reason_alone(about("What caption is it?", "A dog."))[0] == "caption-words"
    assert one.names == ["duplicates", "length", "caption-words"]
    assert one.needs_order and not one.needs_all


def test_equal_rows_in_equal_order_have_equal_outcomes():
    rows = [about(f"What is {n % 7}?", f"It is {'a caption' if n % 3 else 'a dog'} {n % 5}.") for n in range(60)]
    outcomes = [[one.reason(row) for row in rows] for one in (chain(["caption-words", "duplicates"]) for _ in range(2))]
    assert outcomes[0] == outcomes[1]
    assert any(outcomes[0]) and not all(outcomes[0])


def test_a_filter_that_needs_all_conversations_is_refused_where_they_come_one_by_one():
    from macaw_cli.basics.errors import UsageError

    with pytest.raises(UsageError, match="yes-no-balance"):
        chain(["length", "yes-no-balance"]).require_each_alone("generation.filters")
    chain(["length", "duplicates"]).require_each_alone("generation.filters")


def test_media_parts_and_several_turns_are_read():
    row = {
        "image": "a.jpg",
        "messages": [
            {"role": "system", "content": "caption"},
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}]},
            {"role": "assistant", "content": "A dog."},
            {"role": "user", "content": "And this?"},
            {"role": "assistant", "content": "A caption."},
        ],
    }
    assert chain("caption-words").reason(row) == ("caption-words", 'the answer mentions "caption"')


def test_every_filter_that_needs_no_model_can_be_made_by_its_name():
    names = [name for name in TABLE if name not in ("blind-answerable", "judge")]
    assert chain(names).names == names
    assert {one.name for one in FOR_GENERATED} <= set(names)
