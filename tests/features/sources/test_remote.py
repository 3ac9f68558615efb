import io
import json
import logging
import re
import tarfile

import fsspec
import pytest

from macaw_cli.basics.atomic_files import read_jsonl
from macaw_cli.basics.errors import InputError, MissingDependencyError
from macaw_cli.features import remote_decoding
from macaw_cli.features.extract import extract
from macaw_cli.features.remote import fetching, staging_space
from macaw_cli.features.sources import remote as sources_remote
from macaw_cli.features.sources.listing import list_sources, survey_sources


@pytest.fixture
def remote_media(bucket, media):
    """The media of `media` under `s3://.../media`."""
    filesystem, url = bucket
    filesystem.put(str(media), f"{url[5:]}/media", recursive=True)
    return f"{url}/media"


@pytest.fixture
def fetched(caplog):
    """What the server has been asked to send since the last call."""
    caplog.set_level(logging.INFO, "werkzeug")

    def paths():
        found = [re.search(r'GET /[^/?]+/([^? ]+) HTTP', record.getMessage()) for record in caplog.records]
        caplog.clear()
        return [match[1] for match in found if match]

    return paths


def test_media_of_a_bucket_get_the_features_of_local_ones_and_are_fetched_once(
    workspace, media, remote_media, contents, tmp_path, fetched
):
    report = extract(workspace(), [remote_media])
    assert report.made == {"image": 7, "audio": 4, "video": 2} and report.rejected == 0
    seen = fetched()
    assert len(seen) == len(set(seen)) == 12
    remote = contents()
    extract(workspace("features.out=local"), ["media"])
    local = contents(tmp_path / "local")
    tars = [name for name in local if name.endswith(".tar")]
    assert tars and all(local[name] == remote[name] for name in tars)
    rows = read_jsonl(tmp_path / "features" / "manifest.jsonl")
    bucket = remote_media[5:]
    assert {row["path"] for row in rows if row.get("path")} == {
        f"{bucket}/{file.relative_to(media).as_posix()}" for file in media.rglob("*.*")
    }
    jobs = read_jsonl(tmp_path / "features" / "journal.jsonl")
    assert jobs[0]["items"][0]["file"].startswith(remote_media)
    assert not (tmp_path / "features" / ".staging").exists()


def test_a_second_run_fetches_nothing_and_new_objects_alone_are_extracted(
    workspace, media, remote_media, bucket, contents, fetched
):
    extract(workspace(), [remote_media])
    before = contents()
    fetched()
    report = extract(workspace(), [remote_media])
    assert report.made == {} and report.known == 12 and contents() == before and fetched() == []
    bucket[0].pipe_file(f"{remote_media[5:]}/new.png", (media / "pictures/0.png").read_bytes() + b"more")
    assert extract(workspace(), [remote_media]).made == {"image": 1}


def test_what_is_too_much_to_keep_is_fetched_again(workspace, remote_media, contents, monkeypatch, fetched):
    extract(workspace(), [remote_media])
    kept = contents()
    monkeypatch.setattr(staging_space, "MOST_BYTES", 20_000)
    fetched()
    extract(workspace("features.out=again"), [remote_media])
    assert 12 < len(fetched()) <= 24
    assert contents(workspace().path("again")) == kept


def test_single_objects_patterns_and_manifests_are_sources(workspace, remote_media, bucket, tmp_path):
    filesystem, url = bucket
    rows = [{"path": "media/loud.mp4", "start": 0, "end": 0.5}, {"path": f"{remote_media}/0.wav"}, {"path": "gone.png"},
            {"path": "notes"}]  # fmt: skip
    text = "".join(json.dumps(row) + "\n" for row in rows)
    filesystem.pipe_file(f"{url[5:]}/list.jsonl", text.encode())
    (tmp_path / "list.jsonl").write_text(json.dumps({"path": f"{remote_media}/1.wav"}) + "\n")
    base = url[5:]

    def names(*sources):
        return [getattr(found, "name", None) or found.row["path"] for found in list_sources(workspace(), list(sources))]

    assert names(f"{remote_media}/0.wav") == [f"{base}/media/0.wav"]
    assert names(f"{remote_media}/*.wav") == [f"{base}/media/{number}.wav" for number in range(3)]
    assert names(f"{remote_media}/{{0..1}}.wav") == [f"{base}/media/{number}.wav" for number in range(2)]
    assert names("list.jsonl") == [f"{base}/media/1.wav"]
    assert names(f"{url}/list.jsonl") == [
        f"{base}/media/loud.mp4#t=0,0.5", f"{base}/media/0.wav", f"{base}/gone.png", f"{base}/notes"
    ]  # fmt: skip
    report = extract(workspace(), [f"{url}/list.jsonl"])
    assert report.made == {"video": 1, "audio": 2} and report.rejected == 2
    reasons = {row["path"]: row["reason"] for row in report.rejects}
    assert reasons[f"{base}/gone.png"] == "It cannot be fetched: it does not exist."
    assert "name of an image, audio or video file" in reasons[f"{base}/notes"]


def test_clips_of_one_remote_video_fetch_it_once(workspace, remote_media, bucket, fetched):
    rows = [{"path": "media/loud.mp4", "start": 0, "end": 0.4}, {"path": "media/loud.mp4", "start": 0.5}]
    bucket[0].pipe_file(f"{bucket[1][5:]}/clips.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    assert extract(workspace(), [f"{bucket[1]}/clips.jsonl"]).made == {"video": 2, "audio": 2}
    assert [path for path in fetched() if path.endswith(".mp4")] == ["media/loud.mp4"]


def test_an_object_that_vanishes_after_the_listing_is_a_reject(workspace, remote_media, monkeypatch, bucket):
    original = fetching.fetch

    def vanishing(url, *args):
        if url.endswith(("0.wav", "1.png")):
            bucket[0].rm_file(url)
        original(url, *args)

    monkeypatch.setattr(fetching, "fetch", vanishing)
    report = extract(workspace(), [remote_media])
    assert {row["path"].rpartition("/")[2]: row["reason"] for row in report.rejects} == {
        "0.wav": "It cannot be fetched: it does not exist.", "1.png": "It cannot be fetched: it does not exist."
    }  # fmt: skip
    assert report.made == {"image": 6, "audio": 3, "video": 2}


def test_an_object_that_changes_before_it_is_decoded_is_a_reject_until_the_next_run(
    workspace, media, remote_media, monkeypatch, bucket
):
    extract(workspace(), [remote_media])  # now the hashes are known, and everything is fetched to be decoded
    original = remote_decoding.fetch

    def changing(url, *args):
        if url.endswith("0.wav"):
            bucket[0].pipe_file(url, b"something else")
        original(url, *args)

    monkeypatch.setattr(remote_decoding, "fetch", changing)
    store = workspace().path("features")
    for file in ("manifest.jsonl", "journal.jsonl"):
        (store / file).unlink()
    report = extract(workspace(), [remote_media])
    assert [row["reason"] for row in report.rejects] == [
        "It was changed after it was hashed: run the command again."
    ]
    monkeypatch.setattr(remote_decoding, "fetch", original)
    bucket[0].pipe_file(f"{remote_media[5:]}/0.wav", (media / "0.wav").read_bytes())
    again = extract(workspace(), [remote_media])
    assert again.made == {"audio": 1} and not again.rejects, "it was passing trouble"


def test_a_name_that_promises_something_else_is_corrected_by_the_bytes(workspace, media, bucket, store):
    filesystem, url = bucket
    filesystem.pipe_file(f"{url[5:]}/odd/a.mp4", (media / "pictures" / "0.png").read_bytes())
    filesystem.pipe_file(f"{url[5:]}/odd/b.png", (media / "pictures" / "1.png").read_bytes())
    filesystem.pipe_file(f"{url[5:]}/odd/c.png", (media / "0.wav").read_bytes())
    report = extract(workspace(), [f"{url}/odd"])
    assert report.made == {"image": 2} and store().find("a.mp4", "image")
    (row,) = report.rejects
    assert row["reason"].startswith("It is audio, for which no encoder was loaded: the first look, at names")
    assert extract(workspace(), [f"{url}/odd"]).known == 2


def test_a_modality_that_the_beginning_of_a_tar_hides_is_told_and_taken_when_it_is_named(
    workspace, media, bucket, monkeypatch
):
    monkeypatch.setattr(sources_remote, "_TAR_HEAD", 2048)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name in ("pictures/0.png", "0.wav"):
            tar.add(media / name, name)
    place = f"{bucket[1]}/mixed.tar"
    bucket[0].pipe_file(place[5:], content.getvalue())
    report = extract(workspace(), [place])
    assert report.made == {"image": 1}
    (row,) = report.rejects
    assert row["path"].endswith("mixed.tar/0.wav") and row["key"] is None
    assert "It is audio, for which no encoder was loaded" in row["reason"]
    assert "name a file that is audio" in row["reason"]
    report = extract(workspace(), [place, "media/1.wav"])
    assert report.made == {"audio": 2} and not report.rejects
    report = extract(workspace("features.out=other"), [place])  # its hash is not known in this store
    assert report.made == {"image": 1} and len(report.rejects) == 1
    assert extract(workspace(), [place]).known == 1, "without the encoder nothing breaks that was there"


def test_members_of_remote_tars_are_media_and_the_tar_is_fetched_once(
    workspace, media, bucket, store, monkeypatch, contents, tmp_path, fetched
):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for file in sorted((media / "pictures").iterdir()):
            tar.add(file, file.name)
            tar.addfile(tarfile.TarInfo(f"{file.stem}.json"))
    bucket[0].pipe_file(f"{bucket[1][5:]}/tars/00000.tar", content.getvalue())
    fetched()
    report = extract(workspace(), [f"{bucket[1]}/tars/{{00000..00000}}.tar"])
    assert report.made == {"image": 7} and report.rejected == 0
    assert len(fetched()) == 2, "its beginning for the survey, and all of it"
    assert store().find("tars/00000.tar/3.png", "image")
    kept = contents()
    monkeypatch.setattr(staging_space, "MOST_BYTES", 1000)
    extract(workspace("features.out=again"), [f"{bucket[1]}/tars/00000.tar"])
    assert contents(tmp_path / "again") == kept
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "00000.tar").write_bytes(content.getvalue())
    extract(workspace("features.out=third"), ["here/00000.tar"])
    third = contents(tmp_path / "third")
    assert all(third[name] == kept[name] for name in kept if name.endswith(".tar"))


def test_plan_counts_and_measures_remote_media_and_writes_nothing(workspace, remote_media, bucket, tmp_path):
    plan = extract(workspace(f"features.out={bucket[1]}/out"), [remote_media], plan=True)
    assert plan.items == {"image": 7, "audio": 3, "video": 2} and plan.rejects == 0
    assert plan.store == f"{bucket[1]}/out" and not (tmp_path / "features").exists()
    assert not bucket[0].exists(f"{bucket[1][5:]}/out") and not (tmp_path / "cache").exists()


def test_wrong_places_are_told_before_any_work(workspace, bucket, monkeypatch):
    _, url = bucket
    with pytest.raises(InputError, match="nothing at s3://no-such-bucket-anywhere"):
        survey_sources(workspace(), ["s3://no-such-bucket-anywhere/media"])
    with pytest.raises(InputError, match=f"nothing at {url}/nowhere"):
        survey_sources(workspace(), [f"{url}/nowhere"])
    with pytest.raises(InputError, match="No file matches the pattern"):
        survey_sources(workspace(), [f"{url}/*.png"])
    with pytest.raises(MissingDependencyError, match=r"pip install 'macaw-cli\[gcs\]'"):
        survey_sources(workspace(), ["gs://bucket/media"])
    with pytest.raises(InputError, match="macaw reads no"):
        survey_sources(workspace(), ["nosuch://bucket/media"])
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="HF_HUB_OFFLINE is set"):
        survey_sources(workspace(), ["hf://datasets/a/b"])


def test_folders_in_memory_and_by_file_url_are_sources_like_any(workspace, media):
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/birds/b.png", (media / "pictures/0.png").read_bytes())
    memory.pipe_file("/birds/a/.hidden.png", b"x")
    memory.pipe_file("/birds/notes.txt", b"x")
    survey = survey_sources(workspace(), ["memory://birds", f"file://{media}"])
    assert survey.media == {"image": 8, "audio": 3, "video": 2} and survey.ignored == 1
    assert extract(workspace(), ["memory://birds"]).made == {"image": 1}
    memory.rm("/birds", recursive=True)
