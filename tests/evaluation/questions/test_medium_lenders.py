from macaw_cli.evaluation.questions.medium_lenders import Lender, medium_lenders
from macaw_cli.evaluation.questions.pools import Question

TWO = ((0,), (1,))


def pair(answer, first, second, *, prompt="Same colour?", choices=("no", "yes")):
    return Question("pair", prompt, answer, (first, second), ("image", "image"), choices, TWO)


def test_where_media_are_compared_the_lender_is_known_to_change_the_answer():
    square = [pair("yes", "a", "b"), pair("no", "a", "c"), pair("no", "d", "b"), pair("yes", "d", "c")]
    others = [pair("no", f"x{n}", f"y{n}") for n in range(20)]
    for seed in range(5):
        found = medium_lenders([*others, *square], seed)[20:]
        assert found == [
            (Lender(22, True), Lender(21, True)), (Lender(23, True), Lender(20, True)),
            (Lender(20, True), Lender(23, True)), (Lender(21, True), Lender(22, True)),
        ]  # fmt: skip


def test_without_such_an_example_the_medium_is_a_strangers_and_the_answer_may_still_be_right():
    asked, stranger = pair("yes", "a", "b"), pair("no", "c", "d")
    assert medium_lenders([asked, stranger, pair("no", "b", "e")], 0)[0] == (Lender(1, False), Lender(1, False))


def test_an_example_that_asks_other_words_about_the_same_other_media_proves_nothing():
    asked, other = pair("yes", "a", "b"), pair("no", "a", "c", prompt="Same shape?")
    first, second = medium_lenders([asked, other], 0)[0]
    assert (first, second) == (None, Lender(1, False))


def test_a_lender_whose_answer_is_among_the_choices_comes_first():
    asked = pair("red", "a", "b", choices=("red", "blue"))
    others = [pair("mauve", f"x{n}", f"y{n}") for n in range(20)]
    for seed in range(5):
        assert medium_lenders([asked, *others, pair("blue", "c", "d")], seed)[0] == (Lender(21, False),) * 2


def test_one_medium_alone_has_no_lenders():
    image = Question("colour", "?", "red", ("a",), ("image",), (), ((0,),))
    video = Question("moves", "?", "up", ("b", "b"), ("audio", "video"), (), ((1, 0),))
    assert medium_lenders([image, video], 0) == [(), ()]


def test_choices_of_ones_own_and_a_medium_that_all_have_are_not_searched_for_among_all_questions():
    count = 5000  # a search of all by each would take minutes
    own = [pair(f"a{n}", f"x{n}", f"y{n}", choices=(f"a{n}", f"b{n}")) for n in range(count)]
    assert all(None not in lenders for lenders in medium_lenders(own, 0))
    same_first = [pair(f"a{n}", "x", f"y{n}", choices=()) for n in range(count)]
    assert all(first is None and second.contrary for first, second in medium_lenders(same_first, 0))
    one_answer = [pair("a", f"x{n}", f"y{n}", choices=()) for n in range(count)]
    assert set(medium_lenders(one_answer, 0)) == {(None, None)}
