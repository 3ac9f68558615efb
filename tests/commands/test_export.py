"""`macaw export`, run as a user runs it; what it promises is tested in tests/export/test_hf.py."""

import json
import subprocess
import sys

import tiny_macaw

from macaw_cli.chat.run import Request, chat
from macaw_cli.config.loading import open_workspace
from macaw_cli.inspection.inspect_folder import inspect_folder


def test_the_newest_model_is_exported_proved_and_answers_without_the_workspaces_encoders(tmp_path, capsys):
    workspace = open_workspace(tiny_macaw.make_workspace(tmp_path))
    command = [sys.executable, "-m", "macaw_cli", "export", "--out", "given", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["proof"]["largest_difference"] <= told["proof"]["limit"]
    inspect_folder(tmp_path / "given", verify=True, as_json=False)

    capsys.readouterr()
    image = {"image": [str(tmp_path / "media/red.png")]}
    chat(workspace, Request(None, image, "What is this?"))
    answer = capsys.readouterr().out
    (tmp_path / "models").rename(tmp_path / "gone")
    chat(workspace, Request(tmp_path / "given", image, "What is this?"))
    assert capsys.readouterr().out == answer
