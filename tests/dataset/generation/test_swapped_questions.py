"""Questions of one item that another cannot answer."""

from macaw_cli.dataset.generation.swapped_questions import KIND, swapped_examples
from tests.dataset.generation.conftest import item

SOFA = item(0, captions=("A dog sleeps on a sofa.",))
BEACH = item(1, captions=("Children play with a ball at the beach.",))
DOGS = item(2, captions=("Two dogs run over grass.",))


def test_a_question_goes_to_an_item_that_does_not_answer_it() -> None:
    (row,) = swapped_examples([SOFA, BEACH], [(0, "What color is the dog?")], seed=0)
    assert row["image"] == ["1.jpg"]
    assert row["messages"][0]["content"] == "What color is the dog?"
    assert row["kind"] == KIND
    assert row["origin"]["question_of"] == "item-0"


def test_no_item_gets_a_question_about_what_its_own_captions_name() -> None:
    assert not list(swapped_examples([SOFA, DOGS], [(0, "What color is the dog?")], seed=0))


def test_a_question_that_names_nothing_of_its_own_item_is_not_moved() -> None:
    assert not list(swapped_examples([SOFA, BEACH], [(0, "What is shown?")], seed=0))


def test_each_question_is_moved_once_and_the_seed_decides_where() -> None:
    things = ("apple", "hammer", "violin")
    items = [item(number, captions=(f"A {thing} lies on the ground.",)) for number, thing in enumerate(things)]
    questions = [(0, "Is the apple green?"), (1, "Is the hammer heavy?"), (2, "Who plays the violin?")]
    assert len(list(swapped_examples(items, questions, seed=0))) == 3
    assert list(swapped_examples(items, questions, seed=1)) == list(swapped_examples(items, questions, seed=1))
