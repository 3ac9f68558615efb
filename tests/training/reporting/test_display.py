"""What one sees: plain lines in a pipe, live ones in a terminal, always with the same facts."""

import os
import pty
import subprocess
import sys
import time

import pytest
import torch

from macaw_cli.training.data.epoch_plan import PlannedStep
from macaw_cli.training.reporting.display import kind_lines, memory_in_use, training_display, validation_line
from macaw_cli.training.reporting.facts import StepReport
from macaw_cli.training.reporting.mfu import WorkCounter

VALIDATION = {
    "loss": 0.25,
    "modalities": {"image": {"real": 0.9, "reliance": 0.5}, "text": {"real": 0.4, "reliance": None}},
}
IN_A_TERMINAL = """
import sys
from macaw_cli.basics.console import result, say
from macaw_cli.training.reporting.display import training_display
from macaw_cli.training.reporting.facts import StepReport

with training_display(3, 0) as display:
    for step in (1, 2, 3):
        display.update(StepReport(step, 2.0 / step, 1e-3, examples=4, tokens=100, seconds={"forward": 1.0}))
        say(f"said at {step}")
        with display.pause("validation"):
            say(f"validating at {step}")
        display.validated({"loss": 0.5, "modalities": {"image": {"real": 0.9, "reliance": 0.5}}})
    result("a result")
"""


def test_a_pipe_gets_the_first_and_the_last_step(capsys):
    with training_display(50, 0) as display:
        for step in range(1, 51):
            display.update(StepReport(step, 2.0, 1e-3, examples=4, tokens=100, seconds={"forward": 3.0, "load": 1.0}))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["step 1/50", "step 50/50"]
    for words in ("loss 2.000", "lr 1.0e-03", "examples/s", "tokens/s", "iB", "took 0 s", "forward 75%", "load 25%"):
        assert words in lines[-1]


def test_a_plain_line_tells_stage_padding_reliance_and_skipped_steps(capsys):
    step = PlannedStep(((0, 1), (2,)), tokens=30, supervised_tokens=3)
    with training_display(1, 0) as display:
        display.begin_stage("tune", WorkCounter([10, 10, 10], world_size=2))
        display.validated(VALIDATION)
        report = StepReport(1, 2.0, {"bridge": 1e-3, "llm": 1e-5}, 3, 30, skipped=True, planned=step)
        display.update(report)
    validation, line = capsys.readouterr().err.splitlines()
    assert validation == "step 0/1  validation: loss 0.250, image 0.90 (reliance +0.50)"
    # 20 tokens on one rank, 10 on the other, which waits
    for words in ("tune", "1 skipped", "reliance image +0.50", "padding 25.0%", "lr bridge 1.0e-03 llm 1.0e-05"):
        assert words in line


def test_a_terminal_keeps_every_line_that_is_said_and_ends_with_the_last_state():
    shown = in_a_terminal(IN_A_TERMINAL)
    screen = [line for line in final_screen(shown) if line.strip()]
    said = [line for line in screen if line.startswith(("said", "validating", "step", "a result"))]
    expected = []
    for step in (1, 2, 3):
        expected += [f"said at {step}", f"validating at {step}", f"step {step}/3  validation: loss 0.500, image 0.90"]
    assert [line[: len(wanted)] for line, wanted in zip(said, expected, strict=False)] == expected
    assert any(line.startswith("step 3/3  loss") for line in screen[-4:])
    assert max(map(len, screen)) <= 80


def test_a_validation_tells_each_kind_and_preference(capsys):
    free = {"real": None, "reliance": None, "preference": 0.93}
    seen = {"real": 0.9, "reliance": 0.5, "preference": 0.97}
    kinds = {"image/colour": seen, "shape": seen} | {"spoken": free}
    kinds = {name: figures | {"modality": "audio" if name == "spoken" else "image"} for name, figures in kinds.items()}
    with training_display(1, 0) as display:
        display.validated({"loss": 0.25, "modalities": {"image": seen, "audio": free}, "kinds": kinds})
        display.update(StepReport(1, 2.0, 1e-3, 3, 30))
    whole, by_kind, status = capsys.readouterr().err.splitlines()
    assert whole.endswith("image 0.90 (reliance +0.50, preference 0.97), audio preference 0.93")
    image = "0.90 (reliance +0.50, preference 0.97)"
    assert by_kind == f"  image/colour {image}, shape {image}"
    assert "reliance image +0.50  preference audio 0.93" in status


@pytest.mark.parametrize("figures", [{"loss": 0.25}, VALIDATION])
def test_a_validation_is_told_in_one_line(figures):
    rest = ", image 0.90 (reliance +0.50)" if "modalities" in figures else ""
    assert validation_line(figures) == "loss 0.250" + rest


def test_a_step_costs_the_training_less_than_a_fifth_of_a_millisecond():
    step = PlannedStep((tuple(range(30)),) * 8, tokens=900, supervised_tokens=100)
    with training_display(10_000, 0) as display:
        display.begin_stage("", WorkCounter([30] * 30, 8, 1e9, 1e9, 1e3))
        report = StepReport(5, 1.0, {"bridge": 1e-3}, 240, 7200, {"load": 0.1, "forward": 0.2}, planned=step)
        started = time.perf_counter()
        for _ in range(500):
            display.update(report)
        assert (time.perf_counter() - started) / 500 < 0.2e-3


def in_a_terminal(code):
    """What a program writes to a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    program = subprocess.Popen([sys.executable, "-c", code], stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    written = b""
    try:
        while piece := os.read(ours, 65536):
            written += piece
    except OSError:
        pass  # the terminal's other end is closed
    finally:
        os.close(ours)
    assert program.wait() == 0, written.decode()
    return written.decode()


def final_screen(written):
    """The lines that stay: rich moves up and erases whole lines, nothing else."""
    import re

    lines, row = [""], 0
    for piece in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", written):
        if piece == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif piece == "\x1b[1A":
            row -= 1
        elif piece == "\x1b[2K":
            lines[row] = ""
        elif not piece.startswith("\x1b") and piece != "\r":
            lines[row] += piece
    return lines


def test_training_on_the_cpu_of_a_machine_with_a_gpu_shows_the_memory_of_the_process(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 0)
    assert memory_in_use() > 10 << 20
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 5 << 30)
    assert memory_in_use() == 5 << 30


def test_kinds_of_which_nothing_was_measured_make_no_empty_line():
    blind = {"modality": "image", "real": 1.0}
    seen = {"modality": "audio", "real": 1.0, "reliance": 0.5}
    kinds = {"image/colour": blind, "image/shape": blind, "audio/pitch": seen, "audio/count": seen}
    (line,) = kind_lines({"kinds": kinds})
    assert line == "audio/pitch 1.00 (reliance +0.50), audio/count 1.00 (reliance +0.50)"
