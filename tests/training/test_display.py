"""What one sees: a plain line now and then, with loss, rates, memory and the time left."""

from macaw_cli.training.display import StepReport, training_display, validation_line


def test_a_pipe_gets_the_first_and_the_last_step(capsys):
    with training_display(50, 0) as display:
        for step in range(1, 51):
            display.update(StepReport(step, 2.0, 1e-3, examples=4, tokens=100))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["step 1/50", "step 50/50"]
    for words in ("loss 2.000", "lr 1.00e-03", "examples/s", "tokens/s", "iB", "s left"):
        assert words in lines[-1]


def test_a_validation_is_told_in_one_line():
    figures = {"real": 0.9, "reliance": 0.5}
    line = validation_line({"loss": 0.25, "modalities": {"image": figures, "text": {"real": 0.4, "reliance": None}}})
    assert line == "loss 0.250, image 0.90 (reliance +0.50)"
