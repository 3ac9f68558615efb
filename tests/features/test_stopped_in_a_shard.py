"""Stopped in the middle of a shard: what is encoded is kept, told truthfully, and continued byte for byte."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tiny_macaw
from PIL import Image

from macaw_cli.basics import console
from macaw_cli.basics.atomic_files import read_json, read_jsonl
from macaw_cli.basics.errors import Interrupted
from macaw_cli.features import shard_rows
from macaw_cli.features.extract import extract
from macaw_cli.features.partial_shards import kept_keys

PICTURES = 240
ONE_SHARD = "features.shard_items=512"


@pytest.fixture
def pictures(tmp_path):
    """240 different images, one unreadable file among the first."""
    folder = tmp_path / "media"
    folder.mkdir()
    generator = np.random.default_rng(5)
    for number in range(PICTURES):
        pixels = generator.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
    (folder / "001-broken.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    return folder


@pytest.fixture
def undisturbed(workspace, contents, tmp_path):
    """The bytes of a store that nothing interrupted, made and removed."""

    def made(*sources, **options):
        extract(workspace(ONE_SHARD), list(sources), **options)
        found = contents()
        shutil.rmtree(tmp_path / "features")
        return found

    return made


def when(path, size, act):
    """A thread that acts as soon as a file has so many bytes, beside an extraction in this process."""

    def watch():
        deadline = time.monotonic() + 60
        while not (path.exists() and path.stat().st_size >= size):
            if time.monotonic() > deadline:
                return
            time.sleep(0.001)
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def stop_in_the_middle(opened, size, number=signal.SIGTERM, name="image-000000.tar.partial"):
    """Stop an extraction in this process, by a signal, when its first shard has so many bytes."""
    partial = opened.root / "features" / name
    watcher = when(partial, size, lambda: os.kill(os.getpid(), number))
    with pytest.raises((Interrupted, KeyboardInterrupt)) as stopped:
        extract(opened, ["media"])
    watcher.join()
    return stopped.value


def test_sigterm_keeps_what_is_encoded_of_the_first_shard_and_says_how_much(
    workspace, pictures, undisturbed, contents, tmp_path
):
    whole = undisturbed("media")
    command = [sys.executable, "-m", "macaw_cli", "extract-features", "media", "--set", ONE_SHARD]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    watcher = when(tmp_path / "features" / "image-000000.tar.partial", 100_000, process.terminate)
    _, told = process.communicate(timeout=120)
    watcher.join()
    kept = len(kept_keys(tmp_path / "features"))
    assert process.returncode == 143 and "SIGTERM" in told and f"features of {kept} files are kept" in told
    assert 20 < kept < PICTURES and not (tmp_path / "features" / "image-000000.tar").exists()
    report = extract(workspace(ONE_SHARD), ["media"])
    assert report.made["image"] == PICTURES - kept and report.kept >= kept and report.rejected == 1
    assert contents() == whole
    assert not list((tmp_path / "features").glob("*.partial*"))


def test_stopped_twice_by_ctrl_c_it_goes_on_each_time(workspace, pictures, undisturbed, contents, tmp_path, capsys):
    whole = undisturbed("media")
    stop_in_the_middle(workspace(ONE_SHARD), 60_000, signal.SIGINT)
    first = len(kept_keys(tmp_path / "features"))
    assert f"Stopped by SIGINT. The features of {first} files are kept" in capsys.readouterr().err
    partial = tmp_path / "features" / "image-000000.tar.partial"
    stop_in_the_middle(workspace(ONE_SHARD), partial.stat().st_size + 10_000, signal.SIGINT)
    second = len(kept_keys(tmp_path / "features"))
    assert 0 < first < second
    assert extract(workspace(ONE_SHARD), ["media"]).made["image"] == PICTURES - second
    assert contents() == whole


def test_a_kill_costs_no_more_than_what_came_after_the_last_saving(
    workspace, pictures, undisturbed, contents, tmp_path, monkeypatch
):
    whole = undisturbed("media")
    monkeypatch.setattr(shard_rows, "_SAVE_EVERY_S", 0.0)
    features, killed = tmp_path / "features", tmp_path / "killed"

    def as_a_kill_leaves_it():
        killed.mkdir()
        for name in ("image-000000.partial.json", "store.json", "journal.jsonl", "image-000000.tar.partial"):
            shutil.copy(features / name, killed / name)

    watcher = when(features / "image-000000.tar.partial", 120_000, as_a_kill_leaves_it)
    extract(workspace(ONE_SHARD), ["media"])
    watcher.join()
    shutil.rmtree(features)
    killed.rename(features)
    kept = len(kept_keys(features))
    assert kept >= 20
    assert extract(workspace(ONE_SHARD), ["media"]).made["image"] == PICTURES - kept
    assert contents() == whole


def test_videos_and_their_soundtracks_go_on_together(workspace, undisturbed, contents, tmp_path):
    (tmp_path / "media").mkdir()
    tiny_macaw.make_video(tmp_path / "film.mp4", with_audio=True)
    film = (tmp_path / "film.mp4").read_bytes()
    for number in range(24):  # a box of free bytes behind the video makes each another file
        box = (16).to_bytes(4, "big") + b"free" + number.to_bytes(8, "big")
        (tmp_path / "media" / f"{number}.mp4").write_bytes(film + box)
    whole = undisturbed("media")
    stop_in_the_middle(workspace(ONE_SHARD), 20_000, name="video-000000.tar.partial")
    report = extract(workspace(ONE_SHARD), ["media"])
    assert 0 < report.kept < 24 and report.made == {"video": 24 - report.kept, "audio": 24 - report.kept}
    assert contents() == whole


@pytest.mark.parametrize("harm", ["cut", "gone", "other encoder", "other items"])
def test_what_is_kept_is_not_used_when_it_is_not_what_the_job_needs(
    workspace, pictures, undisturbed, contents, tmp_path, harm
):
    whole = undisturbed("media")
    stop_in_the_middle(workspace(ONE_SHARD), 60_000)
    partial, state = (tmp_path / "features" / f"image-000000{end}" for end in (".tar.partial", ".partial.json"))
    if harm == "cut":
        os.truncate(partial, 5_000)
    elif harm == "gone":
        partial.unlink()
    else:
        kept = read_json(state)
        other = [{**end, "digest": "0" * 64} for end in kept["ends"]]
        wrong = {"encoders": {"image": "0" * 16}} if harm == "other encoder" else {"ends": other}
        state.write_text(json.dumps({**kept, **wrong}))
    report = extract(workspace(ONE_SHARD), ["media"])
    assert report.made["image"] == PICTURES and report.kept == 0
    assert contents() == whole


def progress_lines(err):
    found = re.findall(r"Extracting features: (\d+)/(\d+) files, .*?(-?\d+) s left", err)
    assert found
    return [tuple(map(int, line)) for line in found]


def test_limit_holds_when_a_run_with_more_files_was_stopped(
    workspace, pictures, undisturbed, contents, tmp_path, capsys, monkeypatch
):
    limited, whole = undisturbed("media", limit=200), undisturbed("media")
    stop_in_the_middle(workspace(ONE_SHARD), 60_000)
    kept = len(kept_keys(tmp_path / "features"))
    monkeypatch.setattr(console, "PLAIN_EVERY_S", 0.0)
    capsys.readouterr()
    report = extract(workspace(ONE_SHARD), ["media"], limit=200)
    lines = progress_lines(capsys.readouterr().err)
    assert all(done <= total <= 200 and left >= 0 for done, total, left in lines)
    assert lines[-1][0] == lines[-1][1] == 200 - report.kept
    assert report.made["image"] == 199 - kept, "one of 200 is broken, and what the first run had encoded is kept"
    assert contents() == limited
    report = extract(workspace(ONE_SHARD), ["media"])
    assert report.made["image"] == PICTURES - 199 and report.known == 199
    assert {row["key"] for row in read_jsonl(tmp_path / "features" / "manifest.jsonl") if "key" in row} == keys(whole)


def keys(store):
    return {
        found.group(1).decode()
        for line in store["manifest.jsonl"].splitlines() if (found := re.search(rb'"key": ?"(\w+)"', line))
    }  # fmt: skip


def test_a_shard_in_the_middle_with_files_beyond_the_limit_waits_and_is_told(
    workspace, pictures, contents, tmp_path, capsys
):
    some = workspace("features.shard_items=100")
    extract(some, ["media"])
    whole = contents()
    (tmp_path / "features" / "image-000001.tar").unlink()  # files 101 to 200
    report = extract(some, ["media"], limit=150)
    assert report.made == {} and "image-000001.tar is left unfinished" in capsys.readouterr().err
    assert report.unfinished == report.as_json()["unfinished"] == 50 and report.known == 99 and report.refused == 1
    report.print()
    assert "99 already there, 1 rejected before, 50 without features" in capsys.readouterr().out
    assert extract(some, ["media"]).made["image"] == 100 and contents() == whole


def test_totals_are_right_when_other_sources_are_named_than_in_the_run_that_was_stopped(
    workspace, pictures, tmp_path, capsys, monkeypatch
):
    stop_in_the_middle(workspace(ONE_SHARD), 60_000)
    others = tmp_path / "others"
    others.mkdir()
    generator = np.random.default_rng(1)
    for number in range(3):
        soundfile.write(others / f"{number}.wav", generator.standard_normal(9000) / 10, 16000)
    Path(others / "same.png").write_bytes((pictures / "005.png").read_bytes())
    monkeypatch.setattr(console, "PLAIN_EVERY_S", 0.0)
    capsys.readouterr()
    report = extract(workspace(ONE_SHARD), ["others", "media/239.png"])
    lines = progress_lines(capsys.readouterr().err)
    assert all(done <= total and left >= 0 for done, total, left in lines)
    assert lines[-1][0] == lines[-1][1] == 241 - report.kept + 3


def test_a_limit_at_what_is_kept_goes_on_and_leaves_no_file_of_the_jobs_that_were_withdrawn(
    workspace, pictures, undisturbed, contents, tmp_path
):
    limited = undisturbed("media", limit=30)
    stop_in_the_middle(workspace(ONE_SHARD), 120_000)
    assert len(kept_keys(tmp_path / "features")) > 30
    report = extract(workspace(ONE_SHARD), ["media"], limit=30)
    assert report.kept == 28 and report.made["image"] == 2, "the last batch is done again"
    assert contents() == limited and not list((tmp_path / "features").glob("*.partial*"))


def test_what_a_shard_had_beyond_the_limit_is_no_leftover(workspace, pictures, tmp_path):
    two_shards = workspace("features.shard_items=100")
    stop_in_the_middle(two_shards, 60_000, name="image-000001.tar.partial")
    (tmp_path / "features" / "image-000000.tar").unlink()
    (tmp_path / "features" / "manifest.jsonl").unlink()
    assert extract(two_shards, ["media"], limit=50).shards == 1
    assert not list((tmp_path / "features").glob("*.partial*"))


def test_retrying_rejects_retries_those_of_the_unfinished_shard(workspace, pictures, undisturbed, tmp_path, capsys):
    stop_in_the_middle(workspace(ONE_SHARD), 60_000)
    kept = len(kept_keys(tmp_path / "features"))
    report = extract(workspace(ONE_SHARD), ["media"], retry_rejects=True)
    assert f"{kept} files after the first rejected file of an unfinished shard" in capsys.readouterr().err
    assert report.kept == 0 and report.made["image"] == PICTURES and report.rejected == 1
