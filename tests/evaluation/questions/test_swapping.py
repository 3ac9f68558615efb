from hypothesis import given
from hypothesis import strategies as st

from macaw_cli.evaluation.questions.pools import Question
from macaw_cli.evaluation.questions.swapping import swap_partners


def question(answer: str, medium: str, *, kind: str = "image/colour", prompt: str = "What colour?") -> Question:
    return Question(kind, prompt, answer, (medium,), ("image",))


def test_the_partner_has_another_answer_and_other_media():
    questions = [question("red", "a"), question("red", "b"), question("blue", "c")]
    assert swap_partners(questions, seed=0) in ([2, 2, 0], [2, 2, 1])


def test_a_partner_with_the_same_words_is_preferred_to_one_of_the_same_kind():
    asked = question("yes", "a", kind="video/beeps", prompt="Does the red shape beep?")
    other_words = [question("no", f"x{n}", kind="video/beeps", prompt="Does the blue shape beep?") for n in range(20)]
    same_words = question("no", "b", kind="video/beeps", prompt="Does the red shape beep?")
    assert swap_partners([asked, *other_words, same_words], seed=3)[0] == 21


def test_a_question_whose_kind_has_one_answer_has_no_partner():
    assert swap_partners([question("red", "a"), question("red", "b")], seed=0) == [None, None]


def test_a_question_without_media_has_no_partner():
    text = Question("text", "2+2?", "4", (), ())
    assert swap_partners([text, question("red", "a"), question("blue", "b")], seed=0) == [None, 2, 1]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.sampled_from("1234")), max_size=30),
    st.integers(0, 5),
)
def test_every_partner_differs_in_answer_and_media_and_agrees_in_kind(rows, seed):
    questions = [question(answer, medium, kind=kind) for kind, answer, medium in rows]
    for own, partner in zip(questions, swap_partners(questions, seed), strict=True):
        candidates = [q for q in questions if q.kind == own.kind and q.answer != own.answer and q.media != own.media]
        assert (partner is None) == (not candidates)
        if partner is not None:
            assert questions[partner] in candidates


def test_a_partner_whose_answer_is_among_the_choices_comes_first():
    asked = Question("word", "Which word?", "cat", ("a",), ("audio",), ("cat", "dog"))
    others = [Question("word", "Which word?", f"w{n}", (f"x{n}",), ("audio",), ("cat",)) for n in range(20)]
    among = Question("word", "What is said?", "dog", ("b",), ("audio",), ("cat", "dog"))
    for seed in range(5):
        assert swap_partners([asked, *others, among], seed)[0] == 21
        assert 1 <= swap_partners([asked, *others], seed)[0] <= 20


def test_choices_of_ones_own_are_not_searched_for_among_all_questions():
    count = 5000  # a search of all by each would take minutes
    questions = [
        Question("kind", f"q{number}", f"a{number}", (f"m{number}",), ("image",), (f"a{number}", f"b{number}"))
        for number in range(count)
    ]
    partners = swap_partners(questions, seed=0)
    assert all(partner not in (None, number) for number, partner in enumerate(partners))
