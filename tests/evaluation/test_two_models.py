"""Two models on the same questions: paired differences, and what is refused."""

import json

import numpy as np
import pytest

from macaw_cli.basics.errors import InputError, MismatchError, UsageError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.evaluation.difference_tables import COLUMNS, difference_lines, difference_tables
from macaw_cli.evaluation.intervals import difference_interval
from macaw_cli.evaluation.two_models import Side, compare_two, differences


def asked(number, *, real=True, swapped=False, own=-1.0, **others):
    return {
        "id": f"q{number}", "kind": "image/colour", "modality": "image", "tags": [], "media": [f"{number}.png"],
        "messages": [{"role": "user", "content": "?"}], "right": {"real": real, "swapped": swapped},
        "likelihood": {"real": own, "swapped": -2.0}, "answer_tokens": 1, **others,
    }  # fmt: skip


def free(number, own):
    return asked(number, own=own) | {"kind": "say", "modality": "audio", "right": {}}


@pytest.fixture
def sides():
    first = [asked(0), asked(1, real=False), asked(2, real=False, own=-3.0), free(3, -2.0)]
    second = [asked(0), asked(1), asked(2, swapped=True), free(3, -1.0)]
    return Side("a", first), Side("b", second)


def test_differences_are_paired_and_second_minus_first(sides):
    found = differences(*sides)
    accuracy = found["modalities"]["image"]["accuracy"]
    assert (accuracy["first"], accuracy["second"], accuracy["n"]) == (0.3333, 1.0, 3)
    assert accuracy["difference"] == 0.6667
    assert accuracy["ci95"] == difference_interval(np.array([0.0, 1.0, 1.0]))
    assert found["modalities"]["image"]["reliance"]["difference"] == 0.3333
    assert found["kinds"]["image/colour"]["preference"]["difference"] == 0.3333
    assert found["modalities"]["audio"].keys() == {"n", "preference"}  # no choices, no accuracy
    assert found["overall"]["preference"]["n"] == 4
    json.dumps(found, allow_nan=False)


def test_questions_about_one_image_are_not_taken_as_independent():
    right = [True, True, True, False, False, True]
    own, shared = (
        [Side(name, [asked(number, real=name == "b" or not one, media=[f"{number // each}.png"])
                     for number, one in enumerate(right)]) for name in ("a", "b")]
        for each in (1, 3)
    )  # fmt: skip
    alone, together = (differences(*sides)["overall"]["accuracy"] for sides in (own, shared))
    assert alone["difference"] == together["difference"] == 0.6667
    values = np.array(right, dtype=float)
    assert together["ci95"] == difference_interval(values, [("a",)] * 3 + [("b",)] * 3)
    assert together["ci95"][0] <= alone["ci95"][0]


def test_exchanging_the_models_turns_the_sign(sides):
    forth, back = differences(*sides), differences(*reversed(sides))
    for measure in ("accuracy", "reliance", "preference"):
        assert forth["overall"][measure]["difference"] == -back["overall"][measure]["difference"]


def test_the_tables_have_all_lines_and_the_sentences_name_the_better_model(sides):
    compared = differences(*sides)
    tables = difference_tables(compared)
    assert [row[0] for row in tables["preference"]] == ["image", "  image/colour", "audio", "  say", "all with media"]
    assert all(len(row) == len(COLUMNS) for rows in tables.values() for row in rows)
    assert difference_lines(compared)[0] == "A is a, B is b."
    assert any("no difference is certain" in line for line in difference_lines(compared))
    many = [Side(name, [asked(number, real=name == "b") for number in range(40)]) for name in ("a", "b")]
    assert any("B is better" in line for line in difference_lines(differences(*many)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows[:-1], "1 question.*q3"),
        (lambda rows: [rows[0] | {"messages": []}, *rows[1:]], "q0.*messages"),
        (lambda rows: [*rows[:2], rows[2] | {"media": ["other.png"]}, rows[3]], "q2.*media"),
    ],
)
def test_other_questions_are_refused_with_the_reason(sides, change, told):
    first, second = sides
    with pytest.raises(MismatchError, match=told):
        differences(first, Side("b", change(second.rows)))


def test_without_questions_with_media_there_is_nothing_to_compare():
    text = [asked(0) | {"modality": "text"}]
    with pytest.raises(InputError, match="media"):
        differences(Side("a", text), Side("b", text))


def test_a_model_and_an_evaluation_of_another_day_are_compared(trained, tmp_path):
    from macaw_cli.evaluation.run import evaluate_folder

    run = trained.path("runs/short")
    figures = evaluate_folder(trained, run)
    compared = compare_two(trained, run, run / "evaluation")
    assert compared["overall"]["accuracy"]["difference"] == 0.0
    assert compared["modalities"]["audio"]["accuracy"]["first"] == figures["modalities"]["audio"]["real"]
    fewer = Workspace(trained.root, parse_settings(
        {"dataset": {"out": trained.settings.dataset.out}, "evaluation": {"limit": 1}}, "test"
    ))  # fmt: skip
    with pytest.raises(MismatchError, match="only"):
        compare_two(fewer, run / "evaluation", run / "model")
    with pytest.raises(UsageError, match="Both"):
        compare_two(trained, run, run / "../short")
