"""The benchmark for GPUs: its parts import, and what they leave behind becomes one summary."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks" / "gpu"
PROJECT = FOLDER.parents[1]
PATHS = (FOLDER, PROJECT, PROJECT / "benchmarks", PROJECT / "tests", PROJECT / "tests" / "training")
PARTS = ("ceilings", "commands", "training", "engine", "kernels", "extraction")
REPORT = """<testsuites><testsuite>
<testcase classname="a" name="good"/>
<testcase classname="a" name="left_out"><skipped message="needs two"/></testcase>
<testcase classname="a" name="bad"><failure message="1 is not 2"/></testcase>
</testsuite></testsuites>"""


def python(*arguments, out):
    environment = {**os.environ, "DEVICE": "cpu", "OUT": str(out), "PYTHONPATH": os.pathsep.join(map(str, PATHS))}
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, cwd=PROJECT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_part_imports_and_run_sh_starts_each(tmp_path):
    python("-c", f"import {', '.join(PARTS)}, summary", out=tmp_path)
    started = (FOLDER / "run.sh").read_text()
    assert all(f'"$HERE/{name}.py"' in started for name in (*PARTS, "summary"))


def test_the_kernels_part_gives_the_figures_of_the_summary(tmp_path):
    python(str(FOLDER / "kernels.py"), out=tmp_path)
    (tmp_path / "stages.jsonl").write_text('{"stage": "kernels", "exit": 0, "ended_at_s": 3}\n')
    (tmp_path / "tests.xml").write_text(REPORT)
    found = json.loads(python(str(FOLDER / "summary.py"), out=tmp_path).splitlines()[-1])
    assert found == json.loads((tmp_path / "summary.json").read_text())
    assert found["stages"] == [{"stage": "kernels", "exit": 0, "ended_at_s": 3}]
    assert found["tests"] == {"passed": 1, "skipped": 1, "failed": {"a::bad": "1 is not 2"}}
    assert {"alignment of 5 queries", "attention by_example", "attention varlen"} <= found["kernels"].keys()
    assert found["kernels"]["alignment of 5 queries"]["chosen"] in {"folded", "shared"}
    assert not any("error" in value for value in found["kernels"].values() if isinstance(value, dict))


@pytest.mark.parametrize("file", sorted(FOLDER.iterdir()), ids=lambda file: file.name)
def test_nothing_in_it_names_a_machine(file):
    if file.is_file():
        text = file.read_text()
        assert not [word for word in ("/work", "/home", "/root", "http", "pypi") if word in text]
