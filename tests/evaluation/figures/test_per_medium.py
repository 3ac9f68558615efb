import pytest

from macaw_cli.evaluation.figures.figures import report
from macaw_cli.evaluation.figures.per_medium import measure_per_medium
from macaw_cli.evaluation.figures.reliance import Scored
from macaw_cli.evaluation.presentation import MEDIUM_COLUMNS, medium_rows


def pair(real, first, second, *, contrary=()):
    right = {"real": real, "none": False, "told": False, "swapped": False, "swapped_1": first, "swapped_2": second}
    return Scored(
        "same", "image", "yes", right, choices=("no", "yes"), contrary=frozenset(contrary),
        likelihood={name: 0.0 if value else -1.0 for name, value in right.items()},
    )  # fmt: skip


def test_a_medium_that_is_never_looked_at_has_no_reliance_whatever_swapping_all_says():
    figures = report("m", [pair(True, True, False), pair(True, True, False, contrary=["swapped_2"])])["kinds"]["same"]
    assert figures["reliance"] == 1
    first, second = figures["per_medium"].values()
    assert (first["reliance"], second["reliance"]) == (0, 1)
    assert (first["preference"], second["preference"]) == (0.5, 1)
    assert (first["contrary"], second["contrary"]) == (0, 1)
    assert second["ci95"][0] < 1 == second["ci95"][1]


def test_answers_without_choices_have_a_preference_for_each_medium():
    free = Scored("tell", "image", "a b", likelihood={"real": -1, "swapped": -3, "swapped_1": -1, "swapped_2": -4})
    found = measure_per_medium([free])
    assert [(seen["reliance"], seen["preference"]) for seen in found.values()] == [(None, 0.5), (None, 1.0)]


def test_media_stand_in_the_order_of_their_numbers_and_parts_of_videos_behind():
    asked = Scored("k", "video", "a", likelihood=dict.fromkeys(
        ["real", "swapped_audio", "swapped_10", "swapped_image", "swapped_2"], -1.0))  # fmt: skip
    assert list(measure_per_medium([asked])) == ["swapped_2", "swapped_10", "swapped_image", "swapped_audio"]


def test_questions_about_one_image_have_no_such_figures():
    alone = Scored("colour", "image", "red", {"real": True, "swapped": False}, likelihood={"real": 0, "swapped": -1})
    figures = report("m", [alone])
    assert "per_medium" not in figures["kinds"]["colour"]
    assert medium_rows(figures) == []


def test_the_table_has_a_row_for_each_medium_of_a_kind():
    rows = medium_rows(report("m", [pair(True, True, False)]))
    assert [row[:6] for row in rows] == [
        ["same", "medium 1", "1", "1.00", "1.00", "0.00"], ["same", "medium 2", "1", "1.00", "0.00", "1.00"],
    ]  # fmt: skip
    assert {len(row) for row in rows} == {len(MEDIUM_COLUMNS)}


@pytest.mark.parametrize("names", [["swapped_image", "swapped_audio"]])
def test_frames_and_soundtrack_of_a_video_are_called_so(names):
    video = Scored("moves", "video", "up", {"real": True, **dict.fromkeys(names, False)},
                   likelihood={"real": 0.0, **dict.fromkeys(names, -1.0)})  # fmt: skip
    assert [row[1] for row in medium_rows(report("m", [video]))] == ["frames", "soundtrack"]
