"""Whole datasets: what is written, that it is the same each time, and what a second build does."""

import gc
import json
import os
import shutil
import tarfile

import numpy as np
import pytest
from fake_store import content, features_of, key_of, make_store, question, write_rows

from macaw_cli.basics.errors import DamagedError, InputError, MismatchError, ResourceError
from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.basics.locks import folder_lock
from macaw_cli.config.settings import Settings
from macaw_cli.dataset import writing
from macaw_cli.shards.training_dataset import TrainingDataset

ANSWER = {"role": "assistant", "content": "No."}


@pytest.fixture
def rows(tmp_path, store):
    """Two questions on each image, one on each video and audio, one on two images, 300 of text alone."""
    found = [question(f"images/{n}.png") for n in range(12)]
    found += [question(f"images/{n}.png", id=f"again-{n}") for n in range(12)]
    found += [question(f"videos/{n}.mp4", "video") for n in range(4)]
    found += [question(f"audio/{n}.wav", "audio") for n in range(4)]
    found += [question("images/0.png") | {"id": "both", "image": ["images/1.png", "images/0.png"]}]
    found += [{"id": f"text-{n}", "messages": [{"role": "user", "content": f"{n}?"}, ANSWER]} for n in range(300)]
    write_rows(tmp_path / "c.jsonl", found)
    return found


def test_every_conversation_comes_back_with_its_features(tmp_path, rows, build):
    build("jsonl:c.jsonl", val_fraction=0.1)
    dataset = TrainingDataset(tmp_path / "dataset")
    found = {row.id: row for split in ("train", "val") for row in dataset.conversations(split)}
    assert len(dataset) == len(found) == len(rows)
    for given in rows:
        row = found[given["id"]]
        assert dataset.messages(row) == given["messages"]
        assert row.kind == given.get("kind")
        for ref in row.media:
            assert ref.key == key_of(ref.source)
            np.testing.assert_array_equal(dataset.features(ref), features_of(ref.modality, ref.source))
    assert [ref.source for ref in found["both"].media] == ["images/1.png", "images/0.png"]
    assert dataset.conversations("val")
    assert (dataset.null_features("video") == 0.5).all()


def test_a_dataset_of_an_older_version_is_built_again_from_the_same_inputs(tmp_path, rows, build):
    info = build("jsonl:c.jsonl").info
    defaults = Settings()
    old = {
        "format_version": 1, "sources": info["sources"], "stores": info["feature_stores"], "seed": 0,
        "val_fraction": defaults.dataset.val_fraction, "shard_megabytes": defaults.dataset.shard_megabytes,
    }  # fmt: skip
    lock = tmp_path / "dataset" / "dataset.json"
    lock.write_text(json.dumps({**info, "inputs": fingerprint(old)}))
    again = build("jsonl:c.jsonl")
    assert not again.up_to_date and again.info == info
    assert build("jsonl:c.jsonl").up_to_date


def test_no_medium_is_on_both_sides(tmp_path, rows, build):
    build("jsonl:c.jsonl", val_fraction=0.3)
    dataset = TrainingDataset(tmp_path / "dataset")
    sides = [{ref.key for row in dataset.conversations(split) for ref in row.media} for split in ("train", "val")]
    assert not sides[0] & sides[1]
    assert all(sides)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # webdataset leaves the closing to the collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_itself_reads_every_shard(tmp_path, rows, build):
    from webdataset import WebDataset

    info = build("jsonl:c.jsonl").info
    for shard in info["shards"]:
        samples = list(WebDataset(str(tmp_path / "dataset" / shard["name"]), shardshuffle=False).decode())
        assert len(samples) == shard["samples"]
        for sample in samples if shard["conversations"] else ():
            media = {name: array.shape for name, array in sample.items() if name.endswith("npy")}
            assert set(media) == set(sample["json"]["media"])
            for conversation in sample["json"]["conversations"]:
                used = {name for modality in ("image", "audio", "video") for name in conversation.get(modality, [])}
                assert used == set(media)
    gc.collect()


def test_conversations_on_the_same_media_share_one_sample_and_text_goes_in_heaps(tmp_path, rows, build):
    build("jsonl:c.jsonl", val_fraction=0.0)
    with tarfile.open(tmp_path / "dataset" / "train-000000.tar") as tar:
        names = tar.getnames()
    assert sum(name.endswith(".image.npy") for name in names) == 12 + 1
    assert sum(name.endswith(".image1.npy") for name in names) == 1
    assert [name for name in names if "text" in name] == ["train-text-000000.json", "train-text-000001.json"]


def test_equal_inputs_give_equal_bytes_wherever_they_lie(tmp_path, rows, build):
    build("jsonl:c.jsonl")
    build("jsonl:c.jsonl", out="second")
    (tmp_path / "moved").mkdir()
    for name in ("c.jsonl", "features"):
        shutil.move(tmp_path / name, tmp_path / "moved" / name)
    source = f"jsonl:{tmp_path}/moved/c.jsonl"
    build(source, features=[str(tmp_path / "moved/features")], out="third")
    first, second, third = (content(tmp_path / name) for name in ("dataset", "second", "third"))
    assert first == second == third
    assert not any(str(tmp_path).encode() in bytes_ for name, bytes_ in third.items() if name != "rejects.jsonl")


def test_the_lock_file_tells_what_went_in_and_what_was_left_out(tmp_path, rows, build):
    write_rows(tmp_path / "more.jsonl", [question("images/1.png"), question("none.png"), {"id": "broken"}, {"id": 3}])
    info = build("jsonl:c.jsonl#200", "jsonl:more.jsonl", seed=4).info
    assert [source["file"] for source in info["sources"]] == ["c.jsonl", "more.jsonl"]
    assert [source["rejected"] for source in info["sources"]] == [0, 3]
    assert info["filters"] == {"valid row": 2, "media have features": 1, "no medium on both sides": 0}
    assert (info["seed"], info["format_version"]) == (4, 1)
    assert sum(info["counts"][split]["conversations"] for split in ("train", "val")) == 201
    assert info["fingerprints"]["video"] == {"model": "tiny-clip", "layer": -1, "frames": 2}
    assert sum(info["mix"]) == pytest.approx(1)
    rejects = [json.loads(line) for line in (tmp_path / "dataset/rejects.jsonl").read_text().splitlines()]
    assert [reject["file"] for reject in rejects] == ["more.jsonl"] * 3
    assert [reject["row"] for reject in rejects] == [3, 4, 2]


def test_a_finished_dataset_is_left_alone_and_extra_keys_and_tags_come_through(tmp_path, store, build):
    write_rows(tmp_path / "c.jsonl", [question("1.png", tags=["unseen"], difficulty=3), question("2.png")])
    assert not build("jsonl:c.jsonl").up_to_date
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "dataset").glob("[!.]*")}
    assert build("jsonl:c.jsonl").up_to_date
    assert times == {path.name: path.stat().st_mtime_ns for path in (tmp_path / "dataset").glob("[!.]*")}
    dataset = TrainingDataset(tmp_path / "dataset")
    (row,) = [row for split in ("train", "val") for row in dataset.conversations(split) if row.tags]
    assert row.tags == ("unseen",)
    assert dataset.conversation(row)["difficulty"] == 3
    assert dataset.conversation(row)["image"] == ["image.npy"]


def test_changed_inputs_replace_the_dataset_and_an_open_reader_notices(tmp_path, store, build):
    write_rows(tmp_path / "c.jsonl", [question(f"{n}.png") for n in range(6)])
    build("jsonl:c.jsonl")
    reader = TrainingDataset(tmp_path / "dataset")
    write_rows(tmp_path / "c.jsonl", [question(f"{n}.png") for n in range(5)])
    build("jsonl:c.jsonl", val_fraction=0.0)
    assert len(TrainingDataset(tmp_path / "dataset")) == 5
    assert sorted(path.name for path in (tmp_path / "dataset").glob("*.tar")) == ["null-000000.tar", "train-000000.tar"]
    with pytest.raises(MismatchError, match="was rebuilt"):
        reader.features(reader.conversations("train")[0].media[0])


def test_a_damaged_dataset_is_built_again(tmp_path, rows, build):
    build("jsonl:c.jsonl")
    whole = content(tmp_path / "dataset")
    (tmp_path / "dataset/train-000000.tar").write_bytes(b"")
    assert not build("jsonl:c.jsonl").up_to_date
    assert content(tmp_path / "dataset") == whole


def test_what_a_row_asks_for_wins_and_a_medium_on_both_sides_is_a_reject(tmp_path, store, build):
    asked = [question(f"{n}.png", split="val" if n < 3 else "train") for n in range(12)]
    leak, also = question("2.png", split="train", id="leak"), question("0.png", id="also")
    write_rows(tmp_path / "c.jsonl", [*asked, leak, also])
    info = build("jsonl:c.jsonl", val_fraction=0.5).info
    dataset = TrainingDataset(tmp_path / "dataset")
    assert {row.id for row in dataset.conversations("val")} == {"q-0.png", "q-1.png", "q-2.png", "also"}
    assert info["filters"]["no medium on both sides"] == 1
    (reject,) = (tmp_path / "dataset/rejects.jsonl").read_text().splitlines()
    assert json.loads(reject)["id"] == "leak"
    assert "2.png belongs to held-out conversations" in reject


def test_a_store_that_is_still_written_is_named(tmp_path, rows, build, capsys):
    with folder_lock(tmp_path / "features"):
        build("jsonl:c.jsonl")
    told = capsys.readouterr().err
    assert str(tmp_path / "features") in told and f"process {os.getpid()}" in told


def test_text_alone_needs_no_features(tmp_path, build):
    (tmp_path / "a.json").write_text(json.dumps([{"instruction": f"{n}?", "output": "Yes."} for n in range(40)]))
    info = build("alpaca:a.json", val_fraction=0.1).info
    assert info["fingerprints"] == info["null"] == {}
    assert len(TrainingDataset(tmp_path / "dataset").conversations("val")) == 4


def test_equal_text_is_on_one_side_and_repeats_ask_no_held_out_question_twice(tmp_path, build):
    (tmp_path / "a.json").write_text(json.dumps([{"instruction": f"{n % 10}?", "output": "Yes."} for n in range(40)]))
    build("alpaca:a.json#200+", val_fraction=0.2)
    dataset = TrainingDataset(tmp_path / "dataset")
    texts = [{str(dataset.messages(row)) for row in dataset.conversations(split)} for split in ("train", "val")]
    assert not texts[0] & texts[1]
    assert len(dataset.conversations("train")) == 160
    assert len(dataset.conversations("val")) == 8


def test_shards_have_the_size_that_was_planned(tmp_path, build):
    texts = [{"instruction": f"{n}?" + "x" * 5000, "output": "Yes."} for n in range(800)]
    (tmp_path / "a.json").write_text(json.dumps(texts))
    info = build("alpaca:a.json", val_fraction=0.0, shard_megabytes=2).info
    assert [shard["conversations"] for shard in info["shards"]] == [256, 256, 288]
    assert all(shard["bytes"] <= 2_010_000 for shard in info["shards"])


def test_too_many_rejects_are_a_failure_after_the_good_ones_are_written(tmp_path, store, build):
    write_rows(tmp_path / "c.jsonl", [question("1.png"), question("2.png"), question("none.png")])
    for _ in range(2):  # also when nothing is left to do
        with pytest.raises(InputError, match=r"1 of 3 conversations \(33.3%\).*c.jsonl, row 3: .*none.png"):
            build("jsonl:c.jsonl", max_reject_ratio=0.3)
    assert len(TrainingDataset(tmp_path / "dataset")) == 2


def test_no_usable_conversation_makes_no_dataset(tmp_path, store, build):
    write_rows(tmp_path / "c.jsonl", [question("none.png")])
    with pytest.raises(InputError, match=r"No conversation can be used.*none.png"):
        build("jsonl:c.jsonl")
    assert (tmp_path / "dataset/rejects.jsonl").exists()
    with pytest.raises(InputError, match=r"never finished"):
        TrainingDataset(tmp_path / "dataset")


def test_media_without_any_store_and_a_missing_source_are_told(tmp_path, build):
    write_rows(tmp_path / "c.jsonl", [question("1.png")])
    with pytest.raises(InputError, match="is not a feature store"):
        build("jsonl:c.jsonl")
    with pytest.raises(InputError, match="There is no file"):
        build("jsonl:other.jsonl")


def test_a_cut_feature_shard_is_told_by_name_and_nothing_is_lost(tmp_path, rows, store, build):
    build("jsonl:c.jsonl")
    before = content(tmp_path / "dataset")
    shard = store / "image-000000.tar"
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedError, match=r"image-000000.tar"):
        build("jsonl:c.jsonl", seed=1)
    assert content(tmp_path / "dataset").items() >= before.items()
    shard.write_bytes(whole)
    build("jsonl:c.jsonl", seed=1)
    assert not (tmp_path / "dataset/.building").exists()


def test_a_plan_writes_nothing(tmp_path, rows, build, capsys):
    assert build("jsonl:c.jsonl", "jsonl:c.jsonl", plan=True) is None
    assert not (tmp_path / "dataset").exists()
    out = capsys.readouterr().out
    assert "Would write 666 conversations in" in out
    assert "image/what" in out


def test_any_number_of_workers_writes_the_same_bytes(tmp_path, rows, build, monkeypatch):
    texts = [{"instruction": f"{n}?" + "x" * 5000, "output": "Yes."} for n in range(1000)]
    (tmp_path / "a.json").write_text(json.dumps(texts))
    monkeypatch.setattr(writing, "WORTH_A_PROCESS", 1000)
    for workers in (1, 2, 3):
        info = build("alpaca:a.json", "jsonl:c.jsonl", shard_megabytes=1, workers=workers, out=f"w{workers}").info
    assert len(info["shards"]) > 3
    assert content(tmp_path / "w1") == content(tmp_path / "w2") == content(tmp_path / "w3")


def test_a_damaged_store_is_told_by_a_worker_too(tmp_path, rows, store, build, monkeypatch):
    monkeypatch.setattr(writing, "WORTH_A_PROCESS", 1000)
    manifest = store / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace('"shape": [4, 8]', '"shape": [8, 4]'))
    with pytest.raises(DamagedError, match="manifest says"):
        build("jsonl:c.jsonl", workers=2, val_fraction=0.3)


def test_media_that_are_named_twice_and_in_another_order_share_a_sample(tmp_path, store, build):
    pairs = [["0.png", "1.png"], ["1.png", "0.png"], ["0.png", "1.png", "0.png"], ["1.png"], ["1.png", "1.png"]]
    write_rows(tmp_path / "c.jsonl", [question("0.png", id=f"{n}") | {"image": names} for n, names in enumerate(pairs)])
    info = build("jsonl:c.jsonl", val_fraction=0.0).info
    dataset = TrainingDataset(tmp_path / "dataset")
    found = {row.id: [ref.source for ref in row.media] for row in dataset.conversations("train")}
    assert found == {f"{n}": names for n, names in enumerate(pairs)}
    assert info["counts"]["train"]["samples"] == 2
    (shard,) = [shard for shard in info["shards"] if shard["conversations"]]
    assert shard["bytes"] == (tmp_path / "dataset" / shard["name"]).stat().st_size


def test_a_limit_takes_so_many_of_each_source(tmp_path, rows, build):
    (tmp_path / "a.json").write_text(json.dumps([{"instruction": f"{n}?", "output": "Yes."} for n in range(40)]))
    info = build("jsonl:c.jsonl", "alpaca:a.json", limit=7).info
    assert [source["train"] + source["val"] for source in info["sources"]] == [7, 7]


def test_the_folder_of_a_feature_store_is_refused(tmp_path, rows, build):
    with pytest.raises(InputError, match="is a feature store"):
        build("jsonl:c.jsonl", out="features")


def test_a_disk_with_too_little_room_is_told_before_work(tmp_path, rows, build, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(ResourceError, match="only 10 B are free"):
        build("jsonl:c.jsonl")
    assert not (tmp_path / "dataset/dataset.json").exists()


def test_a_store_of_another_encoder_is_refused(tmp_path, rows, build):
    make_store(tmp_path / "other", ["x.png"], fingerprints={"image": {"model": "other"}})
    with pytest.raises(MismatchError, match="tiny-clip"):
        build("jsonl:c.jsonl", features=["features", "other"])


def test_the_index_knows_how_long_audio_files_and_videos_are_as_exactly_as_the_store(tmp_path, build):
    """`seconds` is what the encoder was given; stores of older versions know what was heard, or the duration."""
    told = {"a.wav": {"duration": 0.7, "seconds": 0.70012}, "b.wav": {"duration": 99.0, "heard": 30.0},
            "c.wav": {"duration": 2.5}, "d.wav": {}, "v.mp4": {"duration": 4.0}}  # fmt: skip
    films = {"video": ["v.mp4"], "silent": ["v.mp4"]}
    manifest = make_store(tmp_path / "features", image=["i.png"], audio=sorted(told)[:4], **films) / "manifest.jsonl"
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    write_rows(manifest, [row | ({"meta": told[row["path"]]} if row.get("path") in told else {}) for row in rows])
    kinds = {"i.png": "image", "v.mp4": "video"}
    write_rows(tmp_path / "c.jsonl", [question(name, kinds.get(name, "audio")) for name in [*told, "i.png"]])
    build("jsonl:c.jsonl", val_fraction=0.0)
    dataset = TrainingDataset(tmp_path / "dataset")
    found = {ref.source: ref.seconds for row in dataset.conversations("train") for ref in row.media}
    assert found == {"a.wav": 0.70012, "b.wav": 30.0, "c.wav": 2.5, "d.wav": None, "v.mp4": 4.0, "i.png": None}
