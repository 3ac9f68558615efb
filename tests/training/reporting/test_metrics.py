"""The log of a run: means and sums per row, and after a resume it reads as if nothing had happened."""

import json
from pathlib import Path

from macaw_cli.training.reporting.meter import Meter
from macaw_cli.training.reporting.metrics import MetricsLog
from macaw_cli.training.run_folder import RunFolder

SECONDS = {"load": 0.5, "forward": 1.0, "backward": 2.0, "optimizer": 0.25}


def rows_of(run):
    return [json.loads(line) for line in run.metrics_file.read_text().splitlines()]


def filled():
    meter = Meter()
    for loss in (1.0, 3.0):
        meter.add(loss=loss, gradient_norm=2 * loss, gradient_norms={"bridge": loss, "llm": 0.5})
        meter.add_batches([7, 8], examples=4, tokens=100, capacity=125)
        meter.add_seconds(SECONDS)
    return meter


def test_a_row_holds_means_and_sums():
    row = filled().row(20, "align", {"bridge": 1e-3, "llm": 1e-4})
    assert (row["step"], row["stage"], row["loss"], row["gradient_norm"]) == (20, "align", 2.0, 4.0)
    assert (row["examples"], row["tokens"], row["seconds"]["backward"]) == (8, 200, 4.0)
    assert row["padding"] == 0.2
    assert row["gradient_norms"] == {"bridge": 2.0, "llm": 0.5}
    assert (row["learning_rate"], row["learning_rates"]["llm"], row["skipped"]) == (1e-3, 1e-4, 0)


def test_a_row_of_skipped_steps_alone_is_json_all_the_same():
    meter = Meter(skipped=2)
    row = json.loads(json.dumps(meter.row(2, "", {"bridge": 1e-3}), allow_nan=False))
    assert (row["loss"], row["gradient_norm"], row["skipped"]) == (None, None, 2)


def test_the_hash_of_the_batches_knows_content_and_order_not_when_it_was_asked():
    meter, again, other = Meter(), Meter(), Meter()
    meter.add_batches([1, 2, 3, 4], examples=1, tokens=1)
    again.add_batches([1, 2], examples=1, tokens=1)
    again = Meter(**json.loads(json.dumps(again.sums())))
    again.add_batches([3, 4], examples=1, tokens=1)
    other.add_batches([2, 1, 3, 4], examples=1, tokens=1)
    assert meter.batches == again.batches != other.batches


def test_a_meter_survives_json():
    meter = filled()
    again = Meter(**json.loads(json.dumps(meter.sums())))
    assert again.row(1, "", {"bridge": 0.5}) == meter.row(1, "", {"bridge": 0.5})


def test_a_resumed_log_forgets_what_came_after_the_checkpoint(tmp_path):
    run = RunFolder(tmp_path)
    with MetricsLog(run) as log:
        for step in (2, 4, 6):
            log.write({"step": step, "loss": float(step)})
    with run.metrics_file.open("a") as torn:
        torn.write('{"step": 8, "lo')
    with MetricsLog(run, first_step=4) as log:
        log.write({"step": 6, "loss": 0.5})
    assert rows_of(run) == [{"step": 2, "loss": 2.0}, {"step": 4, "loss": 4.0}, {"step": 6, "loss": 0.5}]


def test_tensorboard_gets_every_number(tmp_path):
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    run = RunFolder(tmp_path)
    with MetricsLog(run) as log:
        log.write({"step": 3, "loss": 1.5, "seconds": {"load": 0.25}, "note": "text is left out"})
    (events,) = Path(run.tensorboard).iterdir()
    found = {value.tag: event.step for event in EventFileLoader(str(events)).Load() for value in event.summary.value}
    assert found == {"loss": 3, "seconds/load": 3}
