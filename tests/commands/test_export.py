"""`macaw export`, run as a user runs it; what it promises is tested in tests/export/test_hf.py."""

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the test folders are no packages; tiny_macaw.py stands above

import tiny_macaw


def macaw(folder, *arguments):
    command = [sys.executable, "-m", "macaw_cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def test_the_newest_model_is_exported_proved_and_can_be_inspected_and_chatted_with(tmp_path):
    tiny_macaw.make_workspace(tmp_path)
    done = macaw(tmp_path, "export", "--out", "given", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["proof"]["largest_difference"] <= told["proof"]["limit"]
    assert macaw(tmp_path, "inspect", "given", "--verify").returncode == 0
    question = ("--image", "media/red.png", "--prompt", "What?")
    (tmp_path / "models").rename(tmp_path / "gone")  # the encoders are inside
    chatted = macaw(tmp_path, "chat", "given", *question)
    (tmp_path / "gone").rename(tmp_path / "models")
    assert chatted.returncode == 0, chatted.stderr
    assert chatted.stdout == macaw(tmp_path, "chat", *question).stdout
    again = macaw(tmp_path, "export", "--out", "given")
    assert (again.returncode, again.stdout) == (1, "")
    assert "never overwrites" in again.stderr
