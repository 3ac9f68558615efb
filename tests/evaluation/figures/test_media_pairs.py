"""Question, item and group accuracy as NaturalBench defines them, on answers set by hand."""

import pytest

from macaw_cli.evaluation.all_tables import PAIR_COLUMNS, tables_of
from macaw_cli.evaluation.evaluate import figures_of
from macaw_cli.evaluation.figures.media_pairs import measure_pairs
from macaw_cli.evaluation.questions.held_out import HeldOut
from macaw_cli.shards.training_rows import ConversationRow, MediaRef


def asked(words, medium, answer, *, right=True, partner=None, choices=("yes", "no"), tags=(), modality="image"):
    ref = MediaRef(modality, medium, (2, 4), "float16", "s", 0, 16)
    row = ConversationRow(f"{words}{medium}", "val", modality, list(choices), (ref,), tags, "s", "t", 0, 0)
    messages = [{"role": "user", "content": words}, {"role": "assistant", "content": answer}]
    return HeldOut(row, messages, right={"real": right, "swapped": not right}, partner=partner,
                   likelihood={"real": -1.0, "swapped": -2.0})  # fmt: skip


def group(*right, **others):
    """Two questions about two media, their answers exchanged; each with its partner."""
    return [
        asked("cat?", "a", "yes", right=right[0], partner=1, **others),
        asked("cat?", "b", "no", right=right[1], partner=0, **others),
        asked("dog?", "a", "no", right=right[2], partner=3, **others),
        asked("dog?", "b", "yes", right=right[3], partner=2, **others),
    ]


@pytest.mark.parametrize(
    ("right", "question", "item", "whole"),
    [
        ((True, True, True, True), 1.0, 1.0, 1.0),
        ((True, True, True, False), 0.5, 0.5, 0.0),
        ((True, False, True, False), 0.0, 0.5, 0.0),  # right about the first medium only
        ((True, True, False, False), 0.5, 0.0, 0.0),
        ((True, False, False, True), 0.0, 0.0, 0.0),  # always `yes`: half are right, nothing is looked at
    ],
)
def test_the_accuracies_are_those_of_naturalbench(right, question, item, whole):
    found = measure_pairs(group(*right))["overall"]
    assert (found["pairs"], found["groups"]) == (2, 1)
    assert (found["question_accuracy"], found["item_accuracy"], found["group_accuracy"]) == (question, item, whole)
    assert (found["question_chance"], found["item_chance"], found["group_chance"]) == (0.25, 0.25, 0.0625)


def test_pairs_without_a_second_question_have_question_accuracy_alone():
    found = measure_pairs(group(True, True, True, True)[:2])["overall"]
    assert (found["question_accuracy"], found["groups"], found["group_accuracy"]) == (1.0, 0, None)


def test_other_words_other_choices_and_unseen_combinations_make_no_pair():
    one, other = group(True, True, True, True)[:2]
    reworded = asked("a cat?", "b", "no", partner=0)
    with_more = asked("cat?", "b", "no", partner=0, choices=("yes", "no", "both"))
    assert measure_pairs([one, reworded]) == measure_pairs([one, with_more]) == {}
    assert measure_pairs(group(True, True, True, True, tags=("unseen",))) == {}
    free = asked("cat?", "b", "no", partner=0, choices=())
    free.right.clear()
    assert measure_pairs([one, free]) == {}
    assert measure_pairs([one, other])["modalities"].keys() == {"image"}


def test_the_figures_and_a_table_have_them():
    figures = figures_of("m", group(True, True, True, False))
    assert figures["pairs"]["modalities"]["image"]["question_accuracy"] == 0.5
    rows = next(rows for _, columns, rows in tables_of(figures) if columns == PAIR_COLUMNS)
    assert [row[0] for row in rows] == ["image", "all with media"]
    assert all(len(row) == len(PAIR_COLUMNS) for row in rows)
