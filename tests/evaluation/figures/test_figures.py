"""Kinds are grouped by the media that their questions really have."""

import pytest

from macaw_cli.evaluation.figures.figures import report
from macaw_cli.evaluation.figures.reliance import Scored, chance, measure
from macaw_cli.evaluation.presentation import COLUMNS, TEXT_COLUMNS, table_rows, text_rows, verdict_lines, write_plot


def asked(kind, modality, *, real=True, swapped=False, **others):
    return Scored(kind, modality, "x", {"real": real, "none": False, "swapped": swapped}, **others)


def test_kinds_of_any_name_stand_below_their_modality(tmp_path):
    figures = report("m", [
        asked("which word", "audio"), asked("audio/pitch", "audio"), asked("colour", "image"), asked("image", "image"),
        asked("both", "image+audio"), asked("image/colour", "audio"),
    ])  # fmt: skip
    assert [row[0] for row in table_rows(figures)] == [
        "image", "  colour", "  image", "audio", "  audio/pitch", "  image/colour", "  which word",
        "image+audio", "  both", "all with media",
    ]  # fmt: skip
    assert all(len(row) == len(COLUMNS) for row in table_rows(figures))
    write_plot(figures, tmp_path / "all.png")
    assert (tmp_path / "all.png").read_bytes().startswith(b"\x89PNG")


def test_a_kind_of_several_modalities_is_named_with_each():
    kinds = report("m", [asked("qa", "audio"), asked("qa", "image"), asked("qa", "image", real=False)])["kinds"]
    assert {name: (seen["modality"], seen["real"]) for name, seen in kinds.items()} == {
        "qa (image)": ("image", 0.5), "qa (audio)": ("audio", 1.0)
    }  # fmt: skip


def test_questions_without_a_kind_have_no_line_twice():
    assert [row[0] for row in table_rows(report("m", [asked("audio", "audio")]))] == ["audio", "all with media"]


def test_figures_of_version_1_are_shown_as_they_were(tmp_path):
    old = {"n": 4, "real": 1.0, "none": 0.2, "swapped": 0.1, "chance": 0.2, "reliance": 0.9, "ci95": [0.8, 1.0]}
    figures = {"model": "m", "modalities": {"image": old}, "kinds": {"image/colour": old, "image": old}, "overall": old}
    assert [row[0] for row in table_rows(figures)] == ["image", "  image/colour", "  image", "all with media"]
    assert verdict_lines(figures) == text_rows(figures) == []
    write_plot(figures, tmp_path / "old.png")


def test_free_form_kinds_have_their_text_metrics_with_real_and_swapped_media(tmp_path):
    spoken = [
        Scored("transcribe", "audio", "one two three four", greedy={"real": n == 0, "swapped": False},
               likelihood={"real": -1.0, "swapped": -5.0}, tokens=4, metrics=("wer", "cer"),
               generated={"real": "one two three four", "swapped": "one five six four"} if n < 2 else {})
        for n in range(4)
    ]  # fmt: skip
    figures = report("m", spoken)
    seen = figures["kinds"]["transcribe"]
    assert seen["metrics"]["wer"] == {"real": 0.0, "swapped": 0.5}
    assert seen["metrics"]["greedy_match"] == {"real": 0.25, "swapped": 0.0}
    assert (seen["n"], seen["generated"]) == (4, 2)
    rows = text_rows(figures)
    assert ["transcribe", "2", "WER", "0.00", "-", "-", "0.50"] in rows
    assert all(len(row) == len(TEXT_COLUMNS) for row in rows)
    write_plot(figures, tmp_path / "free.png")


def test_text_only_kinds_are_shown_where_there_are_several():
    text = [Scored(kind, "text", "4", greedy={"real": True}) for kind in ("text/sum", "say")]
    assert [row[0] for row in table_rows(report("m", text))] == ["text only", "  say", "  text/sum"]


def test_chance_with_lists_of_their_own_is_the_mean_of_one_over_their_length():
    own = [asked("word", "audio", choices=("x", "a")), asked("word", "audio", choices=("x", "b", "c", "d"))]
    assert chance(own) == pytest.approx((1 / 2 + 1 / 4) / 2)
    same = [asked("word", "audio", choices=("x", "a")), asked("word", "audio", choices=("a", "x"))]
    assert chance(same) == 1.0  # `x` is always right
    assert chance([Scored("free", "audio", "x")]) is None


def test_retention_is_the_share_that_remains_without_media():
    figures = measure([
        Scored("a", "image", "x", {"real": True, "none": True}),
        Scored("a", "image", "x", {"real": True, "none": False}),
    ])  # fmt: skip
    assert figures["retention"] == 0.5
    assert measure([Scored("a", "image", "x", {"real": False, "none": False})])["retention"] is None
