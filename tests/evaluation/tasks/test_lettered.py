import pytest

from macaw_cli.evaluation.tasks.lettered import chosen_letter, with_options
from macaw_cli.evaluation.tasks.yes_no import first_said, only_said

OPTIONS = ("a cat", "a dog", "a cow", "a horse")


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"),
        ("(B)", "B"),
        ("B. a dog", "B"),
        ("The answer is B.", "B"),
        ("It is a dog", "B"),  # by its text
        ("A DOG!", "A"),  # a letter comes before a text
        ("A or B", ""),
        ("E", ""),
        ("", ""),
        ("A brown animal that stands on the grass", ""),  # an article at the beginning
        ("I would say that it is neither of them but B", "B"),
        ("a cat and a dog", ""),
    ],
)
def test_the_letter_that_an_answer_means(answer, letter):
    assert chosen_letter(answer, OPTIONS) == letter


def test_a_long_answer_that_names_an_option_means_none():
    assert chosen_letter("it is a dog, " * 10, OPTIONS) == ""


def test_a_question_has_its_hint_before_and_its_options_behind():
    assert with_options("Which?", OPTIONS[:2], "Look.") == "Look.\nWhich?\nA. a cat\nB. a dog"
    assert with_options("Which?", OPTIONS[:1]) == "Which?\nA. a cat"


@pytest.mark.parametrize(
    ("answer", "first", "only"),
    [("Yes", "yes", "yes"), ("No, yes", "no", ""), ("nobody", "", ""), ("It is: NO.", "no", "no"), ("", "", "")],
)
def test_which_of_yes_and_no_is_said(answer, first, only):
    assert (first_said(answer), only_said(answer)) == (first, only)


def test_the_letters_of_a_choice_of_two_are_read_like_yes_and_no():
    assert [first_said(text, "A", "B") for text in ("b", "Answer: A", "C")] == ["B", "A", ""]
