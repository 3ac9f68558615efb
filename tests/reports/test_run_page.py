"""The page of a run: one file, nothing from elsewhere, and whole also where little was written down."""

import re
from xml.etree import ElementTree

import pytest

from macaw_cli.reports.drawing import svg, thinned
from macaw_cli.reports.run_page import write_run_report
from macaw_cli.reports.run_pictures import run_pictures
from macaw_cli.reports.run_record import read_run


def test_the_page_tells_everything_and_needs_no_other_file(run):
    folder = run()
    page = write_run_report(folder)
    assert page == folder / "report.html"
    text = page.read_text()
    told = ["first", "finished", "Bridge macaw on models/llm", "Held-out accuracy", "image/colour", "0.30 to 0.90",
            "Stages", "31 to 60", "training.epochs", "torch", "skipped steps", "padding", "peak memory of rank 0",
            "Where the time goes"]  # fmt: skip
    for words in told:
        assert words in text
    assert text.count("<svg") == 6
    assert not re.search(r"""(src|href)\s*=\s*.(?!#)|url\((?!#)|@import|https?://(?!www\.w3\.org/)""", text)
    assert sorted(plot.name for plot in (folder / "plots").iterdir()) == [
        "loss.png", "reliance.png", "time.png", "validation.png"
    ]  # fmt: skip
    assert all(plot.read_bytes().startswith(b"\x89PNG") for plot in (folder / "plots").iterdir())


def test_free_form_answers_have_their_picture_and_the_verdict_its_remedies(run):
    folder = run(free=True)
    text = write_run_report(folder).read_text()
    for words in ("0.62", "0.41 to 0.79", "what happens", "does &lt;not&gt; use", "1. Try &lt;this&gt;."):
        assert words in text
    assert text.count("<svg") == 7
    assert (folder / "plots/preference.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("steps", [0, 2, 4, 40])
def test_an_interrupted_run_of_an_older_version_gets_its_page_too(run, steps):
    folder = run(steps=steps, finished=False, old=True)
    assert "not finished" in write_run_report(folder).read_text()


def test_pictures_take_the_colours_of_the_page_and_are_the_same_each_time(run):
    record = read_run(run())
    first, second = ([svg(picture) for picture in run_pictures(record)] for _ in range(2))
    assert first == second
    for drawn in first:
        assert "var(--ink)" in drawn
        assert "var(--grid)" in drawn
        assert ElementTree.fromstring(drawn).tag.endswith("svg")


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
    drawn = "".join(svg(picture) for picture in run_pictures(read_run(folder)))
    assert "a$\\frac$" in drawn


def test_a_long_run_is_drawn_in_few_points():
    steps, values = thinned(list(range(100_000)), [1.0] * 100_000)
    assert len(steps) == len(values) <= 600
