"""Foreign text in pages: names, kinds, reasons and captions are text in HTML, never markup."""

import json

from fake_store import make_store
from written_run import write_run

from macaw_cli.inspection.feature_page import write_feature_page
from macaw_cli.reports.comparison import RunComparison
from macaw_cli.reports.comparison_page import write_comparison_page
from macaw_cli.reports.run_page import write_run_page
from macaw_cli.reports.run_record import read_run

HOSTILE = "<script>alert(1)<|script>\"'><img src=x onerror=y>"


def harmless(page):
    text = page.read_text()
    assert "<script" not in text and "<img src=x" not in text and "&lt;script&gt;" in text
    return text


def test_a_store_of_hostile_names_and_reasons(tmp_path):
    make_store(tmp_path / "features", image=[f"{HOSTILE}.png"], fingerprints={"image": {"model": HOSTILE}})
    row = {"path": f"bad{HOSTILE}.png", "modality": "image", "key": None, "reason": f"no image: {HOSTILE}"}
    (tmp_path / "features/rejects.jsonl").write_text(json.dumps(row) + "\n")
    write_feature_page(tmp_path / "features", tmp_path / "page.html", 5)
    assert harmless(tmp_path / "page.html").count("&lt;script&gt;") >= 4


def test_a_run_of_hostile_names(tmp_path):
    runs = [write_run(tmp_path / f"{HOSTILE}{n}", free=True, stages=(HOSTILE, "b"), name=HOSTILE) for n in range(2)]
    write_run_page(read_run(runs[0]), tmp_path / "run.html")
    harmless(tmp_path / "run.html")
    write_comparison_page(RunComparison([read_run(run) for run in runs]), tmp_path / "both.html")
    harmless(tmp_path / "both.html")
