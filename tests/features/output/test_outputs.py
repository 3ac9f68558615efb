import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from macaw_cli.basics.atomic_files import read_jsonl
from macaw_cli.basics.errors import DamagedError, InputError, LockedError, MismatchError
from macaw_cli.dataset.build import build_dataset
from macaw_cli.features.extract import extract
from macaw_cli.features.output.outputs import open_output
from macaw_cli.features.output.remote_lock import remote_lock
from macaw_cli.shards.damage_note import DAMAGE_NAME
from macaw_cli.shards.feature_store import FeatureStore
from macaw_cli.shards.remote_store import cache_of_store, local_copy_of_store

PROMISED = ("manifest.jsonl", "store.json", "rejects.jsonl")


@pytest.fixture
def out(bucket):
    """`s3://.../features`, where nothing is yet."""
    return f"{bucket[1]}/features"


@pytest.fixture
def remote_contents(bucket, out):
    """The bytes of what is promised of the remote store."""

    def read():
        found = {path.rpartition("/")[2]: path for path in bucket[0].ls(out[5:], detail=False)}
        return {name: bucket[0].cat_file(path) for name, path in found.items()
                if name.endswith(".tar") or name in PROMISED}  # fmt: skip

    return read


@pytest.fixture
def local(workspace, media, contents):
    """Extracts `media/` into a local store; its bytes."""
    extract(workspace(), ["media"])
    return contents()


def test_a_remote_store_has_the_bytes_of_a_local_one(workspace, media, out, local, remote_contents, bucket, tmp_path):
    report = extract(workspace(f"features.out={out}"), ["media"])
    assert report.store == out and report.made == {"image": 7, "audio": 4, "video": 2}
    assert remote_contents() == local
    names = {path.rpartition("/")[2] for path in bucket[0].ls(out[5:], detail=False)}
    assert names == {*local, "journal.jsonl"}, "nothing half-made and no lock stays behind"
    assert not list((tmp_path / "cache").rglob("*.tar"))


def test_the_same_command_again_sends_nothing_and_new_files_alone(workspace, media, out, remote_contents, caplog):
    extract(workspace(f"features.out={out}"), ["media"])
    before = remote_contents()
    caplog.set_level("INFO", "werkzeug")
    caplog.clear()
    assert extract(workspace(f"features.out={out}"), ["media"]).made == {}
    sent = [record.getMessage() for record in caplog.records if "PUT" in record.getMessage()]
    assert remote_contents() == before and len(sent) == 1 and ".macaw.lock" in sent[0]
    Image.new("RGB", (9, 9), (1, 2, 3)).save(media / "added.png")
    assert extract(workspace(f"features.out={out}"), ["media"]).made == {"image": 1}
    assert {name for name, content in remote_contents().items() if before.get(name) != content} == {
        "image-000002.tar", "manifest.jsonl"
    }  # fmt: skip


def test_a_store_is_read_through_the_cache_shard_by_shard(workspace, media, out, local, store, tmp_path):
    extract(workspace(f"features.out={out}"), ["media"])
    copy = local_copy_of_store(out)
    remote, here = FeatureStore(copy), store()
    assert not list(copy.glob("*.tar"))
    row = remote.find("pictures/3.png", "image")
    np.testing.assert_array_equal(remote.read(row), here.read(here.find("pictures/3.png", "image")))
    assert [path.name for path in copy.glob("*.tar")] == [row.shard.name]
    assert copy.name == "features" and remote.why_missing("x.png", "image").startswith(out)
    assert all(damage is None for _, damage in remote.verify())


def test_the_copy_follows_the_store(workspace, media, out):
    extract(workspace(f"features.out={out}"), ["media/pictures"])
    before = FeatureStore(local_copy_of_store(out))
    assert before.find("0.wav", "audio") is None
    extract(workspace(f"features.out={out}"), ["media"])
    after = FeatureStore(local_copy_of_store(out))
    assert after.read(after.find("0.wav", "audio")).dtype == np.float16


def test_a_cut_or_missing_remote_shard_is_told_and_made_again_alone(workspace, media, out, remote_contents, bucket):
    extract(workspace(f"features.out={out}"), ["media"])
    whole = remote_contents()
    bucket[0].pipe_file(f"{out[5:]}/image-000000.tar", whole["image-000000.tar"][:-512])
    with pytest.raises(DamagedError, match=r"s3://.*image-000000\.tar has \d+ bytes, its manifest says"):
        FeatureStore(local_copy_of_store(out))
    bucket[0].rm_file(f"{out[5:]}/audio-000000.tar")
    assert extract(workspace(f"features.out={out}"), ["media"]).made == {"image": 5, "audio": 3}
    assert remote_contents() == whole


def test_a_changed_remote_shard_is_found_by_verifying_and_repaired(workspace, media, out, remote_contents, bucket):
    extract(workspace(f"features.out={out}"), ["media"])
    whole = remote_contents()
    changed = whole["image-000000.tar"][:5000] + b"\xff" + whole["image-000000.tar"][5001:]
    bucket[0].pipe_file(f"{out[5:]}/image-000000.tar", changed)
    found = subprocess.run([sys.executable, "-m", "macaw_cli", "inspect", out, "--verify"],
                           capture_output=True, text=True, check=False)  # fmt: skip
    assert found.returncode == 1 and "image-000000.tar" in found.stderr and "Traceback" not in found.stderr
    assert bucket[0].exists(f"{out[5:]}/{DAMAGE_NAME}")
    assert extract(workspace(f"features.out={out}"), ["media"]).made == {"image": 5}
    assert remote_contents() == whole and not bucket[0].exists(f"{out[5:]}/{DAMAGE_NAME}")


def test_another_machine_goes_on_where_the_first_one_was(workspace, media, out, local, remote_contents, monkeypatch,
                                                         tmp_path):  # fmt: skip
    extract(workspace(f"features.out={out}"), ["media/pictures"], limit=5)
    monkeypatch.setenv("MACAW_CACHE", str(tmp_path / "another"))
    report = extract(workspace(f"features.out={out}"), ["media"])
    assert report.made == {"image": 2, "audio": 4, "video": 2} and report.known == 5
    monkeypatch.setenv("MACAW_CACHE", str(tmp_path / "cache"))  # and back, behind by now
    assert extract(workspace(f"features.out={out}"), ["media"]).made == {}


def test_a_removed_store_begins_anew(workspace, media, out, bucket, models):
    extract(workspace(f"features.out={out}"), ["media/pictures"])
    with pytest.raises(MismatchError, match=r"^s3://.* holds image features of"):
        extract(workspace(f"features.out={out}", "features.image_encoder.layer=-2"), ["media/pictures"])
    bucket[0].rm(out[5:], recursive=True)
    report = extract(workspace(f"features.out={out}", "features.image_encoder.layer=-2"), ["media/pictures"])
    assert report.made == {"image": 7}


@pytest.mark.slow
def test_killed_and_typed_again_a_remote_store_ends_with_the_same_bytes(
    workspace, media, out, bucket, contents, remote_contents, tmp_path
):
    generator = np.random.default_rng(5)
    for number in range(100):
        pixels = generator.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(media / "pictures" / f"more-{number:03}.png")
    extract(workspace(), ["media/pictures"])
    undisturbed = contents()
    command = [sys.executable, "-m", "macaw_cli", "extract-features", f"{bucket[1]}/media", "--out", out]
    bucket[0].put(str(media / "pictures"), f"{bucket[1][5:]}/media", recursive=True)
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while len(bucket[0].glob(f"{out[5:]}/*.tar")) < 4:
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert 4 <= len(bucket[0].glob(f"{out[5:]}/*.tar")) < 22
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert f" in {out}\n" in ended.stdout
    found = remote_contents()
    assert {name for name in found if name.endswith(".tar")} == {name for name in undisturbed if name.endswith(".tar")}
    assert all(found[name] == undisturbed[name] for name in found if name.endswith(".tar"))
    assert not bucket[0].exists(f"{out[5:]}/.macaw.lock")


def test_a_second_writer_is_refused_and_a_dead_one_is_followed(out, bucket):
    place = f"{out[5:]}/.macaw.lock"
    with remote_lock(out):
        holder = json.loads(bucket[0].cat_file(place))
        assert holder["pid"] == os.getpid() and holder["host"] == socket.gethostname()
        told = rf"{out} is being written by .*process {os.getpid()} on"
        with pytest.raises(LockedError, match=told), remote_lock(out):
            pass
    assert not bucket[0].exists(place)
    bucket[0].pipe_file(place, json.dumps({**holder, "pid": 2**22 + 1, "started": "long ago"}).encode())
    with remote_lock(out):
        assert json.loads(bucket[0].cat_file(place))["pid"] == os.getpid()
    bucket[0].pipe_file(place, json.dumps({**holder, "host": "elsewhere"}).encode())
    told = rf"on elsewhere.* If it was killed, remove {out}/\.macaw\.lock"
    with pytest.raises(LockedError, match=told), remote_lock(out):
        pass


def test_a_dataset_is_built_from_a_remote_store(workspace, media, out, local, tmp_path):
    extract(workspace(f"features.out={out}"), ["media"])
    rows = [{"id": str(number), "image": [f"media/pictures/{number}.png"], "messages": [
        {"role": "user", "content": "Which one?"}, {"role": "assistant", "content": str(number)}]}
        for number in range(7)]  # fmt: skip
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, store in (("near", "features"), ("far", out)):
        build_dataset(workspace("dataset.sources=[jsonl:texts.jsonl]", f"dataset.features=[{store}]",
                                f"dataset.out={name}", "dataset.val_fraction=0.3"))  # fmt: skip
    near, far = (sorted((tmp_path / name).glob("*.*")) for name in ("near", "far"))
    assert [file.name for file in near] == [file.name for file in far]
    assert len(near) > 2 and all(a.read_bytes() == b.read_bytes() for a, b in zip(near, far, strict=True))


def test_a_wrong_bucket_is_told(workspace, media, bucket):
    with pytest.raises(InputError, match=r"nothing at s3://no-such-bucket-at-all"):
        extract(workspace("features.out=s3://no-such-bucket-at-all/features"), ["media/pictures"])


def test_stores_in_memory_work_too(workspace, media, monkeypatch, tmp_path, contents):
    import fsspec

    monkeypatch.setenv("MACAW_CACHE", str(tmp_path / "cache"))
    memory = fsspec.filesystem("memory")
    extract(workspace("features.out=memory://all/features"), ["media/pictures"])
    extract(workspace(), ["media/pictures"])
    assert all(memory.cat_file(f"/all/features/{name}") == content for name, content in contents().items())
    memory.rm("/all", recursive=True)


def test_a_file_url_is_a_folder(workspace, tmp_path):
    with open_output(workspace().place(f"file://{tmp_path}/here")) as output:
        assert output.folder == tmp_path / "here"


def test_a_place_without_a_store_is_told(bucket, out):
    with pytest.raises(InputError, match="is not a feature store"):
        local_copy_of_store(out)
    assert not cache_of_store(out, "copy").exists()
    bucket[0].pipe_file(f"{out[5:]}/a.txt", b"x")
    with pytest.raises(InputError, match=r"is not a feature store: it has no store\.json"):
        local_copy_of_store(out)


def test_rejects_are_in_the_remote_store_too(workspace, media, out, bucket, tmp_path):
    (media / "bad.png").write_text("no picture")
    extract(workspace(f"features.out={out}"), ["media"])
    (tmp_path / "rejects.jsonl").write_bytes(bucket[0].cat_file(f"{out[5:]}/rejects.jsonl"))
    assert [row["path"] for row in read_jsonl(tmp_path / "rejects.jsonl")] == ["media/bad.png"]
