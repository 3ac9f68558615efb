"""A task that another package adds: the one of the documentation, installed and asked."""

import json
import re
import shutil
from pathlib import Path

import installed_packages
from every_task import write_image

PAGE = Path(__file__).parents[3] / "docs" / "own-parts.md"


def installed(place, module=None):
    section = PAGE.read_text().partition("## Benchmark tasks")[2]
    settings, task = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    (place / "macaw_otters_settings.py").write_text(settings)
    (place / "macaw_otters.py").write_text(module or task)
    groups = {"macaw.tasks": {"otters": "macaw_otters_settings:OTTERS"}}
    installed_packages.write_metadata(place, "macaw-otters", "1.0", groups)


def test_a_task_of_another_package_is_asked_like_any_other(tmp_path, workspace_folder):
    installed(tmp_path)
    rows = [{"photo": f"{does}.png", "does": does, "river": "Elbe"} for does in ("swim", "eat")] + [{"photo": "no.png"}]
    for row, colour in zip(rows[:2], ("red", "blue"), strict=True):
        write_image(tmp_path / "data" / row["photo"], colour)
    (tmp_path / "data/otters.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = f"otters:{tmp_path}/data/otters.jsonl?answer=likeliest"
    shutil.copytree(workspace_folder / "runs", tmp_path / "runs")
    (tmp_path / "models").symlink_to(workspace_folder / "models")
    more = ["--set", "evaluation.device=cpu", "--json"]
    few, wrong = installed_packages.macaw(
        tmp_path, ["evaluate", "--task", task, "--set", "evaluation.max_reject_ratio=0.5", *more],
        ["evaluate", "--task", task.replace("otters:", "oters:"), *more], places=[tmp_path],
    )  # fmt: skip
    report = json.loads(few["out"])["tasks"]["otters"]
    assert {name: seen["n"] for name, seen in report["conditions"].items()} == {"real": 2, "none": 2, "swapped": 2}
    assert report["conditions"]["real"]["groups"]["river"]["Elbe"]["n"] == 2
    assert (report["rejected"], report["paired"]) == (1, 2)
    assert "otters" in wrong["problem"] and wrong["error"] == "UsageError"


def test_a_class_that_is_no_task_is_told_with_its_package(tmp_path):
    installed(tmp_path, "class Otters:\n    pass\n")
    code = "from macaw_cli.evaluation.tasks.running.registry import task_class; task_class('otters')"
    done = installed_packages.python(code, tmp_path, tmp_path)
    assert done.returncode == 1
    assert "UsageError" in done.stderr and "macaw-otters" in done.stderr and "tasks.task.Task" in done.stderr
