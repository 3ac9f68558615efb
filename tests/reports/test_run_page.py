"""The page of a run: one file, nothing from elsewhere, and whole also where little was written down."""

import base64
import hashlib
import json
import re
from io import BytesIO

import pytest
from PIL import Image, ImageColor

from macaw_cli.reports.drawing import DARK, LIGHT, WIDTH_IN, Plot, drawn, png, thinned
from macaw_cli.reports.run_page import write_run_report
from macaw_cli.reports.run_plots import run_plots
from macaw_cli.reports.run_record import read_run


def test_the_page_tells_everything_and_needs_no_other_file(run):
    folder = run()
    page = write_run_report(folder)
    assert page == folder / "report.html"
    text = page.read_text()
    told = ["first", "finished", "Bridge macaw on models/llm", "Held-out accuracy", "image/colour", "0.30 to 0.90",
            "Stages", "31 to 60", "training.epochs", "torch", "skipped steps", "padding", "peak memory of rank 0",
            "Time by phase"]  # fmt: skip
    for words in told:
        assert words in text
    assert text.count("<picture>") == 6
    assert not re.search(r"""(src|srcset|href)\s*=\s*.(?!data:)|url\(|@import|https?://|<script""", text)
    assert len(text) < 1_500_000
    assert sorted(plot.name for plot in (folder / "plots").iterdir()) == [
        "loss.png", "reliance.png", "time.png", "validation.png"
    ]  # fmt: skip
    assert all(plot.read_bytes().startswith(b"\x89PNG") for plot in (folder / "plots").iterdir())


def test_free_form_answers_have_their_image_and_the_verdict_its_remedies(run):
    folder = run(free=True)
    text = write_run_report(folder).read_text()
    for words in ("0.62", "0.41 to 0.79", "what happens", "does &lt;not&gt; use", "1. Try &lt;this&gt;."):
        assert words in text
    assert text.count("<picture>") == 7
    assert (folder / "plots/preference.png").read_bytes().startswith(b"\x89PNG")


def test_swapped_examples_and_weights_of_losses_are_shown_where_there_are_some(run):
    folder = run()
    assert "examples with swapped media" not in write_run_report(folder).read_text()
    log = folder / "metrics.jsonl"
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    for number, row in enumerate(rows):
        if "loss" in row:
            row |= {"swapped": 2, "loss_weights": {"image": 1 + number / 10, "text": 0.5}}
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = write_run_report(folder).read_text()
    assert f"{2 * sum('loss' in row for row in rows)}" in text and "examples with swapped media" in text
    assert "Weights of the losses" in text and text.count("<picture>") == 7


@pytest.mark.parametrize("steps", [0, 2, 4, 40])
def test_an_interrupted_run_of_an_older_version_gets_its_page_too(run, steps):
    folder = run(steps=steps, finished=False, old=True)
    assert "not finished" in write_run_report(folder).read_text()


def test_a_page_and_its_images_are_the_same_each_time(run):
    folder = run(steps=4, old=True)
    first, second = (write_run_report(folder).read_bytes() for _ in range(2))
    assert first == second


def test_the_style_is_the_only_one_that_the_page_allows(run):
    text = write_run_report(run(steps=0)).read_text()
    (style,) = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = re.findall('http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{allowed}'" in policy
    assert "unsafe" not in policy
    assert " style=" not in text


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_images_have_the_colours_of_the_page_in_twice_its_pixels(run, scheme):
    drawing = Image.open(BytesIO(png(run_plots(read_run(run()))[0], scheme))).convert("RGB")
    assert drawing.width == WIDTH_IN * 180
    # a palette may miss a colour by one or two of 255
    assert drawing.getpixel((0, 0)) == pytest.approx(ImageColor.getrgb(scheme.card), abs=2)


def test_an_image_that_cannot_be_drawn_is_left_out_and_told(run, capsys):
    def fail(figure):
        raise ValueError("no font")

    (plot,) = drawn([Plot("a", "Loss of fonts", "", fail), Plot("b", "Empty", "", lambda figure: None)])
    assert plot.plot.name == "b"
    assert "Loss of fonts" in capsys.readouterr().err


def test_names_of_runs_and_kinds_are_no_html(run):
    folder = run("a<b>&c", stages=("<i>one", "two"))
    text = write_run_report(folder).read_text()
    assert "<b>&c" not in text
    assert "<i>one" not in text
    assert "a&lt;b&gt;&amp;c" in text


def test_signs_of_mathematics_in_names_are_drawn_as_they_are(run):
    folder = run("cheap_$5_$x", stages=("a$\\frac$", "$"))
    write_run_report(folder)
    assert len(list((folder / "plots").iterdir())) == 4


def test_a_long_run_is_drawn_in_few_points():
    steps, values = thinned(list(range(100_000)), [1.0] * 100_000)
    assert len(steps) == len(values) <= 600
