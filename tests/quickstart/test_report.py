"""The quickstart's page: every medium once, with the questions about it and what was answered."""

import json

import numpy as np
import pytest
from PIL import Image

from macaw_cli.config.loading import open_workspace
from macaw_cli.evaluation.figures.figures import report
from macaw_cli.evaluation.figures.reliance import Scored
from macaw_cli.quickstart.report import MEDIA_SHOWN, write_report

RUN = "quickstart"


def row(number, kind, answers, *, tags=(), media=None):
    return {
        "id": f"{kind}-{number}", "kind": kind, "tags": list(tags), "answers": answers,
        "media": [media or f"media/{number}.png"] if kind else [],
        "messages": [{"role": "user", "content": f"<i>{kind}?</i>"}, {"role": "assistant", "content": "red"}],
    }  # fmt: skip


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "macaw.yaml").write_text("llm: models/llm\n")
    (tmp_path / "media").mkdir()
    for number in range(MEDIA_SHOWN + 1):
        pixels = np.full((4, 4, 3), 40 * number, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"media/{number}.png")
    rows = [
        row(number, kind, {"real": "red", "swapped": "<b>blue</b>"})
        for number in range(MEDIA_SHOWN + 1) for kind in ("image/colour", "image/shape")
    ]  # fmt: skip
    rows += [row(0, "image/shape", {"real": "red"}, tags=["unseen"]), row(0, None, {"real": "red"})]
    folder = tmp_path / "runs" / RUN / "evaluation"
    folder.mkdir(parents=True)
    (folder / "answers.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    return open_workspace(tmp_path)


def test_the_page_shows_each_medium_once_with_its_questions_and_answers(workspace, tmp_path):
    figures = report("m", [Scored("image/colour", "image", "red", {"real": True, "none": False, "swapped": False})])
    page = tmp_path / "report.html"
    write_report(page, workspace, RUN, figures, figures)
    text = page.read_text()
    assert text.count('<article class="card example">') == MEDIA_SHOWN + 1  # one of unseen combinations
    assert text.count('alt="0.png"') == 2
    assert text.count("&lt;i&gt;image/colour?&lt;/i&gt;") == MEDIA_SHOWN
    assert '<span class="wrong">&lt;b&gt;blue&lt;/b&gt;</span>' in text
    assert text.count("<li>red <small>right answer</small></li>") == 2 * MEDIA_SHOWN + 1
    assert "<h3>image, unseen combinations</h3>" in text
    assert "Control: trained with shuffled answers" in text
    assert text.count("<picture>") == 1
    write_report(page, workspace, RUN, figures, figures)
    assert page.read_text() == text


def test_the_page_has_the_metrics_of_answers_without_choices(workspace, tmp_path):
    generated = {"real": "1 2", "none": "3 3", "swapped": "4 4"}
    forecast = Scored("series/forecast", "series", "1 2", generated=generated, metrics=("mae",))
    page = tmp_path / "report.html"
    write_report(page, workspace, RUN, report("m", [forecast]))
    text = page.read_text()
    assert "Answers without choices" in text
    assert "<td>MAE</td><td>0.00</td>" in text
