"""Which questions and bridges a run takes."""

import json

import pytest

SIZES = {"train": 60, "heldout": 30}


def test_the_comparison_takes_the_word_questions_only(tmp_path):
    from run import selected_rows
    from speech_world import plan_utterances

    for split, rows in plan_utterances(SIZES)[1].items():
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert {row["kind"] for row in selected_rows(tmp_path, "word")} == {"word/seen", "word/unseen"}
    assert {"transcribe", "number", "colour"} < {row["kind"] for row in selected_rows(tmp_path, "all")}


def test_an_unknown_bridge_is_refused_with_the_known_ones(capsys):
    from run import options_of

    with pytest.raises(SystemExit):
        options_of(["work", "--bridges", "frame-stack,magic"])
    assert "no bridge magic; choose from frame-stack, macaw, mlp, linear" in capsys.readouterr().err
