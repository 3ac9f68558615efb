"""Killed at random moments, and fed with damaged files: minutes long, `nox -s acceptance` runs it."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tiny_macaw
from PIL import Image

from macaw_cli.basics.atomic_files import read_jsonl
from macaw_cli.shards.feature_store import FeatureStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
COMMAND = [sys.executable, "-m", "macaw_cli", "extract-features", "media", "--json"]
PROMISED = ("*.tar", "manifest.jsonl", "journal.jsonl", "store.json", "rejects.jsonl")


def make_workspace(folder, *, pictures, sounds=0, films=0, shard_items=16):
    tiny_macaw.make_models(folder / "models")
    (folder / "media").mkdir()
    generator = np.random.default_rng(0)
    for number in range(pictures):
        pixels = generator.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "media" / f"{number:05}.png")
    for number in range(sounds):
        soundfile.write(folder / "media" / f"{number:05}.wav", generator.standard_normal(4000) / 10, 16000)
    for number in range(films):
        tiny_macaw.make_film(folder / "media" / f"{number:05}.mp4", sound=True)
    (folder / "macaw.yaml").write_text(
        "version: 1\nfeatures:\n  image_encoder: models/clip\n  audio_encoder: models/whisper\n  frames: 3\n"
        f"  workers: 2\n  shard_items: {shard_items}\n"
    )


def start(folder):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(COMMAND, cwd=folder, start_new_session=True, **quiet)


def promised(folder):
    files = [file for pattern in PROMISED for file in (folder / "features").glob(pattern)]
    return {file.name: file.read_bytes() for file in files}


def running_in(session):
    """Processes of a session that are alive."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, owner = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(owner) == session and state != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A workspace of some seconds of work, and the bytes it ends in."""
    folder = tmp_path_factory.mktemp("kills")
    make_workspace(folder, pictures=700, sounds=60, films=25)
    for twin, original in (("00000-twin", "00003"), ("00500-twin", "00003"), ("zz", "00690")):
        shutil.copy(folder / "media" / f"{original}.png", folder / "media" / f"{twin}.png")
    (folder / "media" / "00200-bad.png").write_bytes(b"no picture")
    assert start(folder).wait() == 0
    return folder, promised(folder)


@pytest.mark.parametrize("number", range(20))
def test_killed_at_a_random_moment_and_typed_again_ends_with_the_same_bytes(undisturbed, number):
    folder, expected = undisturbed
    shutil.rmtree(folder / "features")
    moment = random.Random(number)
    shards = moment.randrange(sum(name.endswith(".tar") for name in expected) - 2)
    process = start(folder)
    while len(list((folder / "features").glob("*.tar"))) < shards:
        time.sleep(0.001)
    time.sleep(moment.uniform(0, 0.05))
    kill = os.kill if number % 2 else os.killpg  # the parent alone, or the whole group at once
    kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it was at work"
    deadline = time.monotonic() + 10
    while running_in(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running_in(process.pid) == [], "no process outlives its parent"
    assert start(folder).wait() == 0
    assert promised(folder) == expected
    assert not list((folder / "features").glob("*.tmp"))


def test_one_damaged_file_in_a_hundred_is_named_with_its_reason_and_all_others_are_extracted(tmp_path):
    make_workspace(tmp_path, pictures=1880, sounds=90, films=30, shard_items=512)
    media = tmp_path / "media"
    expected = damage(media)
    assert start(tmp_path).wait() == 0, "one in a hundred is below features.max_reject_ratio"
    reasons = {Path(row["path"]).name: row["reason"] for row in read_jsonl(tmp_path / "features" / "rejects.jsonl")}
    assert reasons.keys() == expected.keys()
    for name, words in expected.items():
        assert words in reasons[name], (name, reasons[name])
    made = {Path(row.path).name for row in FeatureStore(tmp_path / "features").rows()}
    assert made == {file.name for file in media.iterdir()} - expected.keys()


def damage(media):
    """Twenty files, each damaged in one of the ways of real collections; returns words of the reason for each."""
    ways = {
        "empty": (lambda content: b"", "empty"),
        "text": (lambda content: b"<html>404 Not Found</html>", "holds text"),
        "cut": (lambda content: content[: len(content) // 3], "cannot be decoded"),
        "noise": (lambda content: np.random.default_rng(len(content)).bytes(len(content)), None),
    }
    files = sorted(media.glob("*.png"))[5::400][:4] + sorted(media.glob("*.mp4"))[3::3][:8]
    files += sorted(media.glob("*.wav"))[4::10][:4] + sorted(media.glob("*.png"))[77::350][:4]
    expected = {}
    for number, file in enumerate(files):
        way, (change, words) = list(ways.items())[number % 4]
        if file.suffix == ".wav" and way == "cut":  # a cut WAV is a shorter audio, as every player takes it
            way, (change, words) = "empty", ways["empty"]
        file.write_bytes(change(file.read_bytes()))
        expected[file.name] = words or ("known picture format" if file.suffix == ".png" else "cannot be decoded")
    assert len(expected) == 20
    return expected
