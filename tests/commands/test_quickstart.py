"""`macaw quickstart` on a world of a few files, as a user types it; the whole one is in tests/acceptance."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SIZES = {
    "train_images": 8,
    "train_audios": 6,
    "train_videos": 6,
    "heldout": 6,
    "unseen": 3,
    "train_texts": 3,
    "heldout_texts": 3,
}
SMALL = [word for name, size in SIZES.items() for word in ("--set", f"quickstart.{name}={size}")]
SMALL += ["--set", "training.max_steps=2"]


def macaw(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "macaw_cli", *words], cwd=cwd, capture_output=True, text=True, timeout=280
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("quickstart")
    return folder / "world", macaw("quickstart", "world", "--json", "--controls", *SMALL, cwd=folder)


def test_it_types_the_commands_that_a_user_types_and_shows_each(finished):
    _, done = finished
    assert done.returncode == 0, done.stderr
    typed = [line.split()[2] for line in done.stderr.splitlines() if line.startswith("$ macaw")]
    path = ["extract-features", "build-dataset", "train", "evaluate", "chat", "export"]
    assert typed == [*path, "build-dataset", "train", "evaluate"]


def test_stdout_is_one_json_object_with_the_figures_of_the_run_and_of_the_control(finished):
    _, done = finished
    outcome = json.loads(done.stdout)
    assert {"image", "audio", "video"} <= outcome["figures"]["modalities"].keys()
    assert {"image/colour", "audio/pitch", "video/beeps"} <= outcome["figures"]["kinds"].keys()
    assert outcome["figures"]["unseen"]["overall"]["n"] > 0
    assert outcome["controls"]["overall"]["n"] == outcome["figures"]["overall"]["n"]


def test_the_report_needs_no_other_file_and_the_image_is_an_image(finished):
    folder, _ = finished
    report = (folder / "report.html").read_text()
    assert "data:video/mp4;base64," in report
    assert 'src="media' not in report
    assert (folder / "runs/quickstart/evaluation/reliance.png").read_bytes().startswith(b"\x89PNG")


def test_typed_again_it_does_nothing_twice(finished):
    folder, _ = finished
    before = (folder / "runs/quickstart/model/model.safetensors").stat().st_mtime_ns
    again = macaw("quickstart", "world", "--json", *SMALL, cwd=folder.parent)
    assert again.returncode == 0, again.stderr
    assert "$ macaw train" not in again.stderr
    assert (folder / "runs/quickstart/model/model.safetensors").stat().st_mtime_ns == before


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    refused = macaw("quickstart", ".", cwd=tmp_path)
    assert refused.returncode == 1
    assert "thesis.tex" in refused.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == ["thesis.tex"]


def test_other_settings_for_a_finished_quickstart_are_refused(finished):
    folder, _ = finished
    refused = macaw("quickstart", "world", "--set", "seed=7", *SMALL, cwd=folder.parent)
    assert refused.returncode == 2
    assert "different settings" in refused.stderr


def test_an_unknown_key_is_told_before_anything_is_made(tmp_path):
    refused = macaw("quickstart", "world", "--set", "quickstart.heldoot=3", cwd=tmp_path)
    assert refused.returncode == 2
    assert "quickstart.heldout" in refused.stderr
    assert not (tmp_path / "world" / "macaw.yaml").exists()


@pytest.mark.parametrize("option", ["--modalities", "--kinds"])
def test_an_option_that_names_nothing_is_refused_before_anything_is_made(option, tmp_path):
    refused = macaw("quickstart", "world", option, " , ", cwd=tmp_path)
    assert refused.returncode == 2
    assert option in refused.stderr
    assert not (tmp_path / "world").exists()


def test_killed_while_it_makes_its_world_it_continues_with_the_same_files(tmp_path):
    command = [sys.executable, "-m", "macaw_cli", "quickstart", "world", *SMALL]
    started = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("world/media/train/*.wav")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    assert not (tmp_path / "world" / "runs").exists()
    finished = macaw("quickstart", "world", *SMALL, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "Next: cd" in finished.stdout
