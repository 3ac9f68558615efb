"""The whole quickstart with its promised time, memory and accuracies; minutes long: `nox -s acceptance`."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from macaw_cli.config.quickstart_settings import EXTRA_KINDS

pytestmark = pytest.mark.slow

MINUTES = 5
GIGABYTES = 4


def quickstart(folder: Path, *words: str) -> tuple[dict[str, Any], float]:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "macaw_cli", "quickstart", str(folder), "--json", *words], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), time.monotonic() - started


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_learns_to_look_and_listen_with_every_seed(tmp_path, seed):
    outcome, seconds = quickstart(tmp_path / "world", "--set", f"seed={seed}")
    figures = outcome["figures"]
    for name, measured in figures["modalities"].items():
        assert measured["real"] >= 0.95, (name, measured)
        assert measured["swapped"] <= measured["chance"] + 0.10, (name, measured)
    for name, measured in figures["kinds"].items():
        assert measured["n"] >= 200, (name, measured)
        assert measured["real"] >= 0.90, (name, measured)
    for name, measured in figures["unseen"].items():
        assert measured["real"] >= 0.85, (name, measured)
    assert seconds <= MINUTES * 60
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= GIGABYTES * 1e6


def test_it_compares_two_images_and_remembers_one_of_an_earlier_turn(tmp_path):
    outcome, _ = quickstart(tmp_path / "world", "--kinds", "two-images,earlier-turn")
    further = {name: seen for name, seen in outcome["figures"]["kinds"].items() if name.split("/")[0] in EXTRA_KINDS}
    assert len(further) == 8
    for name, measured in further.items():
        assert measured["real"] >= 0.90, (name, measured)
        needed = {"first": [1], "second": [2], "same": [1, 2]}.get(name.split("/")[1].split("-")[0], [1])
        for medium in (1, 2):
            reliance = measured["per_medium"][f"swapped_{medium}"]["reliance"]
            assert reliance >= 0.6 if medium in needed else reliance <= 0.1, (name, medium, reliance)


def test_trained_on_shuffled_answers_it_stays_at_chance(tmp_path):
    outcome, _ = quickstart(tmp_path / "world", "--controls")
    for name, measured in outcome["controls"]["modalities"].items():
        assert abs(measured["real"] - measured["chance"]) <= 0.10, (name, measured)
