"""Three lines that fit, whatever the width, and nothing in them that is not known."""

import pytest

from macaw_cli.training.data.epoch_plan import PlannedStep
from macaw_cli.training.reporting.facts import StepReport, TrainingFacts
from macaw_cli.training.reporting.mfu import WorkCounter
from macaw_cli.training.reporting.status_lines import GAP, plain_line, status_fields


@pytest.fixture
def facts():
    seen = TrainingFacts(total=1000, peak=1e15)
    seen.stage = "bridge"
    for step in range(1, 101):
        seconds = {"load": 0.01, "forward": 1.0, "backward": 2.0, "optimizer": 0.1}
        rates = {"bridge": 1e-3, "bridge (no decay)": 1e-3, "llm": 2e-5, "llm (no decay)": 2e-5}
        seen.add(StepReport(step, 3.0 - step / 50, rates, 30, 4000, seconds, skipped=step in (3, 4)))
    seen.validated({"modalities": {"image": {"reliance": 0.9}, "audio": {"reliance": 0.8}, "text": {"reliance": None}}})
    return seen


def lines(facts, width):
    return [GAP.join(field.text for field in line) for line in status_fields(facts, 2**30, width)]


@pytest.mark.parametrize("width", [30, 46, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(facts, width):
    shown = lines(facts, width)
    assert len(shown) == 3
    assert max(map(len, shown)) <= width
    assert shown[0].startswith("step 100/1000")


def test_80_columns_hold_what_matters_most(facts):
    shown = "\n".join(lines(facts, 80))
    for words in ("loss 1.", "left", "bridge", "examples/s", "tokens/s", "lr bridge 1.0e-03 llm 2.0e-05", "2 skipped",
                  "reliance image +0.90 audio +0.80", "backward 64%", "forward 32%"):  # fmt: skip
        assert words in shown
    assert lines(facts, 80)[0][-1] == "▁"  # the curve falls
    assert "load" not in shown  # less than half a percent


def test_at_the_end_it_says_how_long_it_took(facts):
    assert "left" in plain_line(facts, 0) and "took" not in plain_line(facts, 0)
    facts.ended = True
    assert "  took 0 s  " in plain_line(facts, 0) and "left" not in plain_line(facts, 0)
    facts.ended, facts.step = False, facts.total
    assert "  took 0 s  " in plain_line(facts, 0)


def test_nothing_is_said_before_anything_is_known():
    first, second = lines(TrainingFacts(total=10), 80)
    assert (first, second) == ("step 0/10", "1.0 GiB")
    assert plain_line(TrainingFacts(total=10), 2**30) == "step 0/10  1.0 GiB"


def test_utilisation_is_the_rate_over_what_all_devices_can_do():
    facts = TrainingFacts(total=2, peak=1e12, ranks=4)
    facts.count_work = WorkCounter([10], world_size=1, per_token=1e9)
    facts.add(StepReport(1, 1.0, 1e-3, 1, 10, planned=PlannedStep(((0,),), tokens=10, supervised_tokens=1)))
    assert facts.mfu == pytest.approx(facts.tokens_per_second * 1e9 / 4e12, rel=0.01)
    facts.peak = None
    assert facts.mfu is None


def test_a_run_that_goes_on_shows_the_whole_of_its_course():
    facts = TrainingFacts(total=100, first=40)
    image = {"image": {"reliance": 0.7}}
    facts.remember([{"step": 20, "loss": 2.0, "skipped": 1}, {"step": 40, "loss": None, "skipped": 2},
                    {"step": 40, "loss": 1.0}, {"step": 40, "validation": {"modalities": image}}])  # fmt: skip
    assert (facts.loss, facts.curve.points(), facts.skipped, facts.reliance) == (1.0, [2.0, 1.0], 3, {"image": 0.7})


def test_the_loss_says_of_how_many_steps_it_is_the_mean():
    facts = TrainingFacts(total=100)
    facts.add(StepReport(1, 4.0, 1e-3, 30, 4000))
    assert "loss 4.000  " in plain_line(facts, 0) and "mean" not in plain_line(facts, 0)
    facts.add(StepReport(2, 2.0, 1e-3, 30, 4000))
    assert "loss 3.000  (mean of 2 steps)" in plain_line(facts, 0)
    for step in range(3, 13):
        facts.add(StepReport(step, 1.0, 1e-3, 30, 4000))
    assert "loss 1.000  (mean of 10 steps)" in plain_line(facts, 0)


def test_a_loss_that_is_no_number_does_not_spoil_the_mean(facts):
    before = facts.loss
    facts.add(StepReport(101, float("nan"), 1e-3, 30, 4000, skipped=True))
    assert facts.loss == before
