from pathlib import Path

from macaw_cli.config.tasks.pope import PopeSettings
from macaw_cli.evaluation.figures.thresholds import named_figures
from macaw_cli.evaluation.tasks.item import Answered, Item, Medium, user_turn
from macaw_cli.evaluation.tasks.running.conditions import Asked, everything_asked, messages_under
from macaw_cli.evaluation.tasks.running.presentation import task_lines, task_table
from macaw_cli.evaluation.tasks.running.report import by_condition, task_report
from macaw_cli.evaluation.tasks.task import About, Task

ALL = ("real", "none", "told", "swapped")


class Plain(Task):
    about = About(what="", paper="", data="", licence="", files="", figures="")

    def items(self):
        return iter(())

    def score(self, answered):
        return float(answered.text == answered.item.reference)


class Errors(Plain):
    score_name, higher_is_better = "wer", False

    def score(self, answered):
        return float(answered.text != answered.item.reference)


def task(kind=Plain):
    return kind(PopeSettings(path="x"), Path(), Path())


def image(name):
    return Medium("image", Path(name), name=name)


def item(name, answer="a", *, media=1, **more):
    shown = tuple(image(f"{name}-{at}") for at in range(media))
    return Item(id=name, messages=user_turn("What?", shown), media=shown, references=(answer,), **more)


def said(items, conditions, texts, unusable=()):
    """Answers by condition, where `texts` has one text per item and condition."""
    given = {one: (texts[one.condition][one.number], ()) for one in everything_asked(items, conditions)}
    return by_condition(items, given, conditions, dict.fromkeys(unusable, "broken"))


def test_media_are_swapped_with_an_item_of_the_same_kind_whose_answer_differs():
    items = [item("1", "a", kind="x"), item("2", "b", kind="x"), item("3", "a", kind="y"), item("4", "a", kind="x")]
    swapped = {one.number: one.media for one in everything_asked(items, ALL) if one.condition == "swapped"}
    assert swapped == {0: items[1].media, 1: swapped[1], 3: items[1].media}
    assert swapped[1] in (items[0].media, items[3].media)


def test_a_lettered_answer_differs_where_its_option_does():
    letters = {"choices": ("A", "B")}
    items = [item("1", "A", options=("cat", "dog"), **letters), item("2", "B", options=("dog", "cat"), **letters)]
    assert not [one for one in everything_asked(items, ("real", "swapped")) if one.condition == "swapped"]


def test_an_item_without_media_is_asked_once_and_counts_under_every_condition_but_not_in_reliance():
    items = [item("1", "a"), item("2", "b"), item("text", "a", media=0)]
    assert [one.condition for one in everything_asked(items, ALL) if one.number == 2] == ["real"]
    texts = {name: ["a", "b", "a"] if name == "real" else ["z", "z", "z"] for name in ALL}
    report = task_report(task(), said(items, ALL, texts))
    assert {name: seen["n"] for name, seen in report["conditions"].items()} == dict.fromkeys(ALL, 3)
    assert report["conditions"]["swapped"]["accuracy"] == round(1 / 3, 4)
    assert (report["paired"], report["reliance"]) == (2, 1.0)
    assert report["retention"] == 0


def test_the_messages_of_a_condition_have_places_for_its_media_alone():
    parts = [{"type": "image"}, {"type": "text", "text": "and"}, {"type": "image"}]
    messages = ({"role": "user", "content": parts},)
    two = Item(id="1", media=(image("a"), image("b")), references=("x",), messages=messages)
    assert messages_under(two, "real") == messages_under(two, "swapped") == [dict(two.messages[0])]
    assert messages_under(two, "none")[0]["content"] == [{"type": "text", "text": "and"}]
    assert messages_under(two, "told")[0]["content"] == [{"type": "text", "text": "(No image is attached.) and"}]
    assert messages_under(item("1"), "real")[0]["content"] == "What?"  # media stand before everything


def test_a_cluster_is_whole_under_a_condition_or_absent_and_is_one_value_of_the_interval():
    items = [item("1", "a", cluster="c"), item("2", "b", cluster="c"), item("3", "a"), item("4", "b")]
    texts = {"real": ["a", "b", "a", "z"], "swapped": ["z", "b", "z", "z"]}
    answers = said(items, ("real", "swapped"), texts)
    report = task_report(task(), answers)
    assert report["paired"] == 3
    assert report["reliance"] == 0.5  # of 0.5, 1 and 0
    without = said(items, ("real", "swapped"), texts, unusable=[1])
    assert [one.item.id for one in without["real"]] == ["3", "4"]


def test_the_reliance_of_an_error_rate_is_positive_where_the_media_help():
    items = [item("1", "a"), item("2", "b")]
    texts = {"real": ["a", "b"], "swapped": ["b", "b"]}
    report = task_report(task(Errors), said(items, ("real", "swapped"), texts))
    assert (report["conditions"]["real"]["wer"], report["conditions"]["swapped"]["wer"]) == (0, 0.5)
    assert report["reliance"] == 0.5


def test_what_no_example_can_lend_media_to_has_no_swapped_condition():
    items = [item("1", "a"), item("2", "a")]
    report = task_report(task(), said(items, ("real", "swapped"), {"real": ["a", "z"], "swapped": ["a", "a"]}))
    assert list(report["conditions"]) == ["real"] and "reliance" not in report
    assert report["not_asked"] == ["none", "swapped"]
    (line,) = task_lines("pope", report)
    assert "pope" in line and "swapped" in line


def test_the_table_has_a_row_for_each_figure_and_for_each_group():
    items = [item("1", "a", groups={"type": "x"}), item("2", "b", groups={"type": "y"})]
    report = task_report(task(), said(items, ("real", "swapped"), {"real": ["a", "b"], "swapped": ["a", "z"]}))
    columns, rows = task_table(report)
    assert columns == ["", "n", "real", "swapped", "reliance", "95 %"]
    assert [row[:5] for row in rows] == [
        ["accuracy", "2", "1.000", "0.500", "0.500"], ["  type: x", "1", "1.000", "1.000", "-"],
        ["  type: y", "1", "1.000", "0.000", "-"],
    ]  # fmt: skip
    assert all(len(row) == len(columns) for row in rows)


def test_figures_of_the_table_have_their_published_names_and_a_single_group_is_shown():
    items = [item("1", "a", groups={"type": "x"}), item("2", "b", groups={"type": "x"})]
    report = task_report(task(Errors), said(items, ("real", "swapped"), {"real": ["a", "b"], "swapped": ["a", "z"]}))
    report["conditions"]["real"] |= {"rouge_l": 0.5, "bleu_1": 0.25, "wer_normalised": None, "odd_figure": 1.0}
    columns, rows = task_table(report)
    names = [row[0] for row in rows]
    assert names == ["WER", "ROUGE-L", "BLEU-1", "WER, normalised", "odd figure", "  type: x"]
    assert task_lines("pope", report) == []
    assert not [cell for row in rows for cell in row if not cell]
    assert all(len(row) == len(columns) for row in rows)


def test_an_answer_that_was_given_under_two_conditions_is_one_of_each():
    items = [item("1", "a")]
    asked = everything_asked(items, ("real", "none"))
    assert asked == [Asked(0, "real", items[0].media), Asked(0, "none", ())]
    answers = by_condition(items, dict.fromkeys(asked, ("a", (-1.0,))), ("real", "none"), {})
    assert answers["none"] == [Answered(items[0], "a", (-1.0,))]


def test_a_figure_of_a_task_may_be_a_threshold():
    items = [item("1", "a"), item("2", "b")]
    report = task_report(task(), said(items, ("real", "swapped"), {"real": ["a", "b"], "swapped": ["a", "z"]}))
    figures = named_figures({"tasks": {"pope": report}})
    assert (figures["pope.real.accuracy"], figures["pope.reliance"]) == (1, 0.5)
