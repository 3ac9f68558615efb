"""What a run's evaluation says of single questions."""

import json

import pytest
from compared_runs import write_compared_run

from macaw_cli.basics.errors import DamagedError
from macaw_cli.evaluation.figures.answers import Answer, asked_of, read_answers


@pytest.fixture
def run(tmp_path):
    return write_compared_run(tmp_path / "run", right=(1, 0))


def rows_of(run):
    return [json.loads(line) for line in (run / "evaluation/answers.jsonl").read_text().splitlines()]


def write_rows(run, rows):
    (run / "evaluation/answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_each_question_has_its_measures(run):
    assert read_answers(run) == {
        "q0": Answer("image", "image/colour", 1.0, 1.0, 1.0), "q1": Answer("audio", "audio/colour", 0.0, 0.0, 1.0)
    }  # fmt: skip


def test_text_and_unseen_combinations_are_left_out_and_what_was_not_asked_is_unknown(run):
    image, audio = rows_of(run)
    unasked = audio | {"right": {}, "likelihood": {}}
    write_rows(run, [image | {"modality": "text"}, image | {"tags": ["unseen"]}, unasked])
    assert read_answers(run) == {"q1": Answer("audio", "audio/colour", None, None, None)}


def test_questions_of_the_same_id_are_told_apart(run):
    write_rows(run, rows_of(run)[:1] * 2)
    assert list(read_answers(run)) == ["q0", "q0 #2"]


def test_the_same_medium_is_that_with_the_same_content_else_of_the_same_name(run):
    row = rows_of(run)[0] | {"media": ["a/1.jpg", ""]}
    write_rows(run, [row | {"media_keys": ["aa", "bb"]}, row, row | {"media": ["", ""]}])
    assert [one.media for one in read_answers(run).values()] == [("aa", "bb"), ("a/1.jpg",), ()]


def test_a_run_that_was_not_asked_or_by_an_earlier_macaw_has_no_answers(run, tmp_path):
    assert read_answers(tmp_path / "nothing") is None and asked_of(tmp_path / "nothing") is None
    write_rows(run, [{key: value for key, value in row.items() if key != "modality"} for row in rows_of(run)])
    assert read_answers(run) is None


def test_what_macaw_does_not_write_is_told_with_its_line(run):
    write_rows(run, [rows_of(run)[0] | {"right": {"real": "yes"}}])
    with pytest.raises(DamagedError, match=r"answers\.jsonl, line 1.*right\.real"):
        read_answers(run)
