"""A real Ray, started for the test on this machine, with two actors."""

import json
import os
import shutil
import signal
import sys

import pytest

from macaw_cli.basics.errors import MissingDependencyError
from macaw_cli.features.engines.ray_cluster import require_ray
from macaw_cli.features.extract import extract

TWO_ACTORS = """
import macaw_cli.features.engines.ray_engine as ray_engine
from macaw_cli.features.engines.ray_cluster import Crew
ray_engine.crew_of = lambda *_: Crew(actors=2, gpus=0, decoders=1)
"""
"""Without GPUs there is one actor per machine."""


def test_ray_makes_the_same_bytes_and_a_killed_driver_leaves_nobody_behind(
    workspace, pictures, contents, start, wait_for, below, is_running, tmp_path
):
    extract(workspace(), ["media/pictures"])
    alone = contents()
    shutil.rmtree(tmp_path / "features")
    process = start(TWO_ACTORS, "--engine", "ray")
    wait_for(lambda: (tmp_path / "features" / "manifest.jsonl").exists())
    others = below(process.pid)
    assert len([command for command in others.values() if "JobActor" in command]) == 2
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    ours = [pid for pid, command in others.items() if "JobActor" in command or "decoder_process" in command]
    wait_for(lambda: not any(map(is_running, ours)), 20)

    process = start(TWO_ACTORS, "--engine", "ray", "--json")
    result, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    report = json.loads(result)
    assert 0 < report["made"]["image"] < 156 and contents() == alone
    assert "Working on the Ray cluster: 2 machines." in told and len(told.splitlines()) <= 4, told


def test_an_encoder_that_an_actor_cannot_load_is_told_as_by_the_command_itself(workspace, media, start, tmp_path):
    workspace()
    hidden = """
import macaw_cli.features.engines.engine_choice as choosing
made = choosing.work_order
def blind(*arguments):
    from dataclasses import replace
    return replace(made(*arguments), holder="another machine's")
choosing.work_order = blind
"""
    process = start(hidden, "--engine", "ray")
    _, told = process.communicate(timeout=120)
    assert process.returncode == 1 and "does not see the feature store" in told and "Traceback" not in told


def test_without_ray_the_line_to_install_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'macaw-cli\[ray\]'"):
        require_ray()
