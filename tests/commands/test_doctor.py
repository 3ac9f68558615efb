"""`macaw doctor`, run as a user runs it."""

import json
import os
import subprocess
import sys

import pytest

NEEDED = {"python", "packages", "platform", "cpu", "memory", "workspace", "torch", "gpu", "transformers", "webdataset",
          "pyav", "decord", "audio", "compiler", "ffmpeg", "hub"}  # fmt: skip


def doctor(folder, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "macaw_cli", "doctor", *arguments],
        capture_output=True, text=True, cwd=folder, env={**os.environ, **environment}, check=False,
    )  # fmt: skip


def checks_of(done):
    return {check["name"]: check for check in json.loads(done.stdout)["checks"]}


BROKEN = ("torch", "transformers", "deepspeed", "webdataset", "decord")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return doctor(tmp_path_factory.mktemp("workspace"), "--json")


def test_a_machine_with_everything_passes_and_every_part_was_really_tried(whole):
    assert whole.returncode == 0, whole.stderr
    report = json.loads(whole.stdout)
    checks = checks_of(whole)
    assert report["ok"] is True
    assert set(checks) >= NEEDED
    assert "decoded 8 of 8 frames" in checks["pyav"]["detail"]
    assert "decoded 8000 of 8000 samples" in checks["audio"]["detail"]
    assert {check["status"] for check in checks.values()} <= {"ok", "warn"}


def test_nothing_but_the_json_object_is_on_stdout(whole):
    assert whole.stdout.startswith("{")
    assert whole.stdout.rstrip().endswith("}")


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """Packages that are there but do not import, as after an installation that went wrong."""
    folder = tmp_path_factory.mktemp("broken")
    for module in BROKEN:
        (folder / f"{module}.py").write_text(f"raise ImportError('{module} is broken here')\n")
    return doctor(folder, PYTHONPATH=str(folder))


def test_broken_needed_packages_end_with_one_and_say_what_to_install(broken):
    assert broken.returncode == 1
    for module in ("torch", "transformers", "deepspeed", "webdataset"):
        assert f"MISSING {module}" in broken.stdout
        assert f"{module} is broken here" in broken.stdout
    assert "pip install" in broken.stdout
    assert "Error: Missing: torch, transformers, deepspeed, webdataset." in broken.stderr


def test_decord_is_not_needed(broken):
    line, hint = broken.stdout[broken.stdout.index("warn    decord") :].splitlines()[:2]
    assert "decord is broken here" in line
    assert "PyAV decodes the videos instead" in hint
