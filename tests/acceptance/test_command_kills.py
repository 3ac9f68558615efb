"""Commands that write without being long jobs, killed at random moments and typed again: the same files at the end.

Extraction, building and training have tests of their own. MACAW_KILLS=20 kills each so many times.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import save_file
from test_published import CONFIG, Published
from tiny_macaw import make_workspace

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]
KILLS = int(os.environ.get("MACAW_KILLS", 5))
COMMANDS = {
    "export": ["export", "--out", "made"],
    "import-checkpoint": ["import-checkpoint", "published.safetensors", "--out", "made",],
    "init": ["init", "made"],
    "inspect": ["inspect", "runs/tiny", "--html", "--out", "made/page.html"],
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = make_workspace(tmp_path_factory.mktemp("command-kills"))
    torch.manual_seed(0)
    weights = {name: tensor.clone() for name, tensor in Published().state_dict().items()}
    save_file(weights, folder / "published.safetensors", {"config": json.dumps(CONFIG)})
    return folder


def start(folder, words):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", "macaw_cli", *words], cwd=folder, start_new_session=True, **quiet)


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def all_else(folder):
    """What the commands only read, and the names of everything in the workspace."""
    return content(folder / "runs"), content(folder / "models"), sorted(path.name for path in folder.iterdir())


def finished(folder, words):
    """What the command leaves in `made`, typed until the end."""
    process = start(folder, words)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0 or "exists already" in told, told  # it had ended before it was killed
    return content(folder / "made")


@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_random_moments_and_typed_again_it_leaves_the_same_files(workspace, name):
    words = COMMANDS[name]
    moment = random.Random(name)

    def fresh():
        shutil.rmtree(workspace / "made", ignore_errors=True)
        if name == "inspect":
            (workspace / "made").mkdir()

    fresh()
    began = time.monotonic()
    first = finished(workspace, words)
    lasts = time.monotonic() - began
    fresh()
    again = finished(workspace, words)
    dated = {file for file in first if first[file] != again.get(file)}
    others = all_else(workspace)
    for number in range(KILLS):
        fresh()
        process = start(workspace, words)
        time.sleep(moment.uniform(0.3, 1.0) * lasts)
        (os.kill if number % 2 else os.killpg)(process.pid, signal.SIGKILL)
        process.communicate()
        now = finished(workspace, words)
        assert now.keys() == first.keys(), "nothing temporary is left"
        assert [file for file in first if first[file] != now[file] and file not in dated] == []
        assert all_else(workspace) == others
    assert dated <= {"export_report.json", "page.html"}
