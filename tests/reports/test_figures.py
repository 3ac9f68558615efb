"""The figures of a run, from what it wrote down, also when that is little."""

import json

import pytest

from macaw_cli.basics.errors import DamagedError, MismatchError
from macaw_cli.reports.drawing import PALETTE, colour_of
from macaw_cli.reports.figures import held_out, run_figures, stage_spans
from macaw_cli.reports.run_record import read_run


def test_every_figure_is_there(run):
    figures = run_figures(read_run(run()))
    assert (figures["steps"], figures["finished"], figures["skipped_steps"]) == (60, True, 1)
    assert figures["final_loss"] == pytest.approx(2 * 0.97**60)
    assert figures["best_validation"] == {"step": 60, "loss": pytest.approx(2 * 0.98**60)}
    assert (figures["reliance"], figures["accuracy"]) == ({"image": 0.8, "audio": 0.8}, {"image": 0.9, "audio": 0.9})
    assert (figures["examples"], figures["tokens"]) == (300, 15_000)
    assert figures["tokens_per_second"] == pytest.approx(5000)
    # the first of 30 rows had half of its 1,000 tokens' time for nothing
    assert figures["padding"] == pytest.approx(1 - 15_000 / 15_500)
    assert figures["peak_memory_bytes"] == 60 * 2**20
    assert figures["time"] == pytest.approx(
        {"load": 0.1, "forward": 0.4, "backward": 0.4, "optimizer": 0.1, "checkpoint": 0}
    )
    assert figures["gradient_norm"] == {"last": pytest.approx(1 / 30), "highest": 1.0}
    assert [(stage["name"], stage["first_step"], stage["last_step"]) for stage in figures["stages"]] == [
        ("bridge", 1, 30), ("tune", 31, 60)
    ]  # fmt: skip
    json.dumps(figures)


def test_an_older_run_that_ended_early_has_what_it_has(run):
    folder = run(steps=8, finished=False, old=True)
    figures = run_figures(read_run(folder))
    assert (figures["steps"], figures["finished"], figures["skipped_steps"], figures["stages"]) == (8, False, 0, [])
    assert (figures["best_validation"], figures["validation_loss"], figures["reliance"]) == (None, None, {})
    assert figures["seconds_of_last_session"] is None
    assert (figures["padding"], figures["peak_memory_bytes"]) == (None, None)


def test_a_run_that_wrote_nothing_yet_has_no_figures(run):
    folder = run(finished=False)
    (folder / "metrics.jsonl").unlink()
    (folder / "versions.json").unlink()
    figures = run_figures(read_run(folder))
    assert (figures["steps"], figures["final_loss"], figures["tokens_per_second"]) == (0, None, None)
    assert figures["time"] == {}


def test_validations_and_checkpoints_count_as_time_but_not_as_steps(run):
    folder = run(steps=4, old=True)
    with (folder / "metrics.jsonl").open("a") as rows:
        rows.write('{"step": 4, "validation": {"loss": 1.0}, "seconds": {"validation": 0.8}}\n')
        rows.write('{"step": 6, "loss": 1.0, "seconds": {"checkpoint": 1.0}}\n')
    figures = run_figures(read_run(folder))
    assert (figures["time"]["validation"], figures["time"]["checkpoint"]) == pytest.approx((0.4, 0.5))
    assert figures["seconds_of_steps"] == pytest.approx(0.2)


def test_a_row_without_a_loss_and_values_that_are_no_numbers_are_left_out_of_curves(run):
    folder = run()
    with (folder / "metrics.jsonl").open("a") as rows:
        rows.write('{"step": 62, "loss": null, "stage": "tune"}\n{"step": 64, "loss": NaN}\n')
    record = read_run(folder)
    assert record.curve("loss")[-1][0] == 60
    assert stage_spans(record)[-1].last_step == 62
    assert run_figures(record)["steps"] == 64


def test_kinds_follow_their_modality(run):
    assert list(held_out(read_run(run()))) == ["image", "  image/colour", "  image/shape", "audio"]


def test_kinds_of_any_name_follow_the_modality_that_they_have(run):
    record = read_run(run(free=True))
    assert list(held_out(record))[-3:] == ["video", "  what happens", "  image/who"]
    figures = run_figures(record)
    assert figures["preference"] == {"video": 0.62}
    assert figures["reliance"] == {"image": 0.8, "audio": 0.8}
    assert figures["verdict"]["video"]["category"] == "not_used"
    assert run_figures(read_run(run("before")))["verdict"] == {}


def test_only_settings_that_were_changed_are_told(run):
    changed = read_run(run()).changed_settings
    assert changed == {"llm": "models/llm", "training.epochs": 2.0}


@pytest.mark.parametrize("file", ["versions.json", "summary.json"])
def test_a_run_of_a_newer_macaw_is_refused(run, file):
    folder = run()
    (folder / file).write_text('{"version": 99}')
    with pytest.raises(MismatchError, match=file):
        read_run(folder)


@pytest.mark.parametrize(("file", "content"), [("settings.yaml", "a: ["), ("summary.json", "[1]")])
def test_a_file_that_macaw_did_not_write_so_is_named(run, file, content):
    folder = run()
    (folder / file).write_text(content)
    with pytest.raises(DamagedError, match=file):
        read_run(folder)


def test_a_combination_of_modalities_has_the_colour_of_its_first():
    assert colour_of("image+audio") == colour_of("image") != colour_of("audio")
    assert colour_of("smell") == PALETTE[-1]
