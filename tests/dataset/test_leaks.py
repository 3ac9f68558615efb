"""Media that are nearly the same on both sides of the split, or in a benchmark: found, listed, dropped."""

import json

import fake_store
import numpy as np
import pytest
from fake_store import make_store, question, write_rows
from PIL import Image, ImageDraw

from macaw_cli.basics.errors import InputError, MismatchError, UsageError
from macaw_cli.config.loading import open_workspace
from macaw_cli.dataset import similar_media
from macaw_cli.dataset.leaks import LEAK
from macaw_cli.dataset.similar_media import nearest
from macaw_cli.quickstart.checkpoints import SHIPPED
from macaw_cli.shards.feature_store import FeatureStore
from macaw_cli.shards.training_dataset import TrainingDataset

plain_features = fake_store.features_of


@pytest.fixture(autouse=True)
def saved_again(monkeypatch):
    """A file whose content is called `again OTHER` has nearly the features of the other."""

    def features_of(modality, content):
        original = plain_features(modality, content.removeprefix("again "))
        noise = plain_features(modality, f"noise {content}") * 0.02
        return (original + noise).astype(np.float16) if content.startswith("again ") else original

    monkeypatch.setattr(fake_store, "features_of", features_of)


@pytest.fixture
def leaky(tmp_path):
    """40 images to train on, 10 held out, of which 3 were saved again; a held-out audio file that was as well."""
    images = [f"train/{n}.png" for n in range(40)] + [f"val/{n}.png" for n in range(10)]
    same = {f"val/{n}.png": f"again train/{n}.png" for n in range(3)} | {"val/a.wav": "again train/a.wav"}
    make_store(tmp_path / "features", image=images, audio=["train/a.wav", "train/b.wav", "val/a.wav"], same=same)
    rows = [question(name, split=name.partition("/")[0]) for name in images]
    rows += [question(name, "audio", split=name.partition("/")[0]) for name in ("train/a.wav", "train/b.wav")]
    write_rows(tmp_path / "c.jsonl", [*rows, question("val/a.wav", "audio", split="val")])
    return images


def listed(folder, name="leaks.jsonl"):
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def ids(tmp_path, split):
    return {row.id for row in TrainingDataset(tmp_path / "dataset").conversations(split)}


def test_what_leaks_is_reported_with_names_and_cosine(tmp_path, leaky, build, capsys):
    info = build("jsonl:c.jsonl").info
    rows = listed(tmp_path / "dataset")
    assert [(row["train"], row["held_out"]) for row in rows if row["modality"] == "image"] == sorted(
        ((f"train/{n}.png", f"val/{n}.png") for n in range(3)),
        key=lambda pair: -next(row["cosine"] for row in rows if row["train"] == pair[0]),
    )
    assert [(row["train"], row["held_out"]) for row in rows if row["modality"] == "audio"] == [
        ("train/a.wav", "val/a.wav")
    ]
    assert all(0.95 <= row["cosine"] <= 1 for row in rows)
    assert info["leaks"]["found"] == {"image": {"compared": 40, "near": 3}, "audio": {"compared": 2, "near": 1}}
    assert info["leaks"]["check"] == "report"
    told = capsys.readouterr().err
    assert "3 of 40 image" in told and "val/a.wav" in told and "--leak-check drop" in told
    assert len(ids(tmp_path, "train")) == 42


def test_dropped_are_the_training_conversations_about_what_leaks(tmp_path, leaky, build):
    info = build("jsonl:c.jsonl", leak_check="drop", max_reject_ratio=0.0).info
    assert info["filters"][LEAK] == 4
    rejected = [row for row in listed(tmp_path / "dataset", "rejects.jsonl") if row["filter"] == LEAK]
    assert {row["id"] for row in rejected} == {"q-train/0.png", "q-train/1.png", "q-train/2.png", "q-train/a.wav"}
    assert "val/0.png" in next(row["reason"] for row in rejected if row["id"] == "q-train/0.png")
    assert ids(tmp_path, "train").isdisjoint(row["id"] for row in rejected)
    assert len(ids(tmp_path, "val")) == 11


def test_switched_off_nothing_is_compared(tmp_path, leaky, build, monkeypatch, capsys):
    monkeypatch.setattr(FeatureStore, "read_some", None)
    info = build("jsonl:c.jsonl", leak_check="off").info
    assert info["leaks"]["found"] == {}
    assert listed(tmp_path / "dataset") == []
    assert LEAK not in info["filters"]
    assert "nearly" not in capsys.readouterr().err


def test_another_check_builds_the_dataset_again_and_the_old_list_goes(tmp_path, leaky, build):
    assert not build("jsonl:c.jsonl").up_to_date
    assert build("jsonl:c.jsonl").up_to_date
    assert not build("jsonl:c.jsonl", leak_similarity=1.0).up_to_date
    assert listed(tmp_path / "dataset") == []


def test_the_plan_reports_leaks_and_writes_nothing(tmp_path, leaky, build, capsys):
    build("jsonl:c.jsonl", plan=True)
    assert "3 of 40 image" in capsys.readouterr().err
    assert not (tmp_path / "dataset").exists()


def test_media_of_a_benchmark_are_found_as_held_out_ones_are(tmp_path, leaky, build):
    make_store(tmp_path / "vqa", image=["b/0.jpg", "b/1.jpg"], same={"b/0.jpg": "again train/9.png"})
    make_store(tmp_path / "equal", image=["c/0.jpg"], same={"c/0.jpg": "train/8.png"})
    info = build("jsonl:c.jsonl", benchmarks=["vqa", "equal"], leak_check="drop").info
    found = {row["train"]: row for row in listed(tmp_path / "dataset")}
    assert (found["train/9.png"]["held_out"], found["train/9.png"]["benchmark"]) == ("b/0.jpg", "vqa")
    assert (found["train/8.png"]["held_out"], found["train/8.png"]["cosine"]) == ("c/0.jpg", 1.0)
    assert "benchmark" not in found["train/0.png"]
    assert [one["folder"] for one in info["leaks"]["benchmarks"]] == ["vqa", "equal"]
    assert ids(tmp_path, "train").isdisjoint({"q-train/8.png", "q-train/9.png"})


def test_benchmarks_are_compared_where_nothing_is_held_out(tmp_path, build):
    make_store(tmp_path / "features", image=["a.png", "b.png"])
    make_store(tmp_path / "vqa", image=["x.png"], same={"x.png": "again a.png"})
    write_rows(tmp_path / "c.jsonl", [question("a.png"), question("b.png")])
    build("jsonl:c.jsonl", benchmarks="vqa", val_fraction=0)
    assert [row["train"] for row in listed(tmp_path / "dataset")] == ["a.png"]


def test_a_benchmark_of_another_encoder_or_that_is_none_is_told(tmp_path, leaky, build):
    make_store(tmp_path / "vqa", image=["b.jpg"], fingerprints={"image": {"model": "other", "layer": -1}})
    with pytest.raises(MismatchError, match="vqa"):
        build("jsonl:c.jsonl", benchmarks="vqa")
    with pytest.raises(InputError, match="gone"):
        build("jsonl:c.jsonl", benchmarks="gone")
    with pytest.raises(UsageError, match="leak_check"):
        build("jsonl:c.jsonl", leak_check="maybe")


def test_text_alone_has_nothing_to_compare(tmp_path, build):
    rows = [{"messages": [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": "x"}]} for n in (1, 2)]
    write_rows(tmp_path / "c.jsonl", rows)
    info = build("jsonl:c.jsonl", leak_check="drop").info
    assert info["leaks"]["found"] == {}


def nearest_plainly(of, among):
    of, among = of.astype(np.float64), among.astype(np.float64)
    center = of.mean(0) if len(of) >= similar_media.CENTERED_FROM else 0
    of, among = of - center, among - center
    cosines = (of / np.linalg.norm(of, axis=1, keepdims=True)) @ (
        among / np.linalg.norm(among, axis=1, keepdims=True)
    ).T
    return cosines.argmax(1), cosines.max(1)


@pytest.mark.parametrize("sizes", [(1, 1), (7, 3), (31, 40), (32, 5), (200, 33)])
@pytest.mark.parametrize("block", [4, 4096])
def test_the_nearest_in_blocks_is_that_of_the_whole_product(sizes, block, monkeypatch):
    monkeypatch.setattr(similar_media, "BLOCK", block)
    draw = np.random.default_rng(0)
    of, among = (draw.normal(size=(count, 16)).astype(np.float16) for count in sizes)
    places, cosines = nearest(of, among)
    expected = nearest_plainly(of, among)
    np.testing.assert_array_equal(places, expected[0])
    np.testing.assert_allclose(cosines, expected[1], atol=1e-3)


def test_features_that_are_no_numbers_or_zero_are_near_nothing():
    one = np.array([[np.inf, 1, 2], [np.nan, np.nan, np.nan], [0, 0, 0], [1, 1, 1]], np.float16)
    cosines = nearest(one, one)[1]
    assert np.isfinite(cosines).all()
    assert cosines[2] == cosines[1] == 0
    assert cosines[3] == pytest.approx(1, abs=1e-3)


def test_some_tokens_are_read_without_the_others(tmp_path, monkeypatch):
    monkeypatch.setitem(fake_store.SHAPES, "image", (50, 8))
    store = FeatureStore(make_store(tmp_path / "s", image=["a.png"], video=["v.mp4"]))
    image, video = store.find("a.png", "image"), store.find("v.mp4", "video")
    np.testing.assert_array_equal(store.read_some(image, 3), store.read(image)[[0, 24, 49]])
    np.testing.assert_array_equal(store.read_some(image, 50), store.read(image))
    np.testing.assert_array_equal(store.read_some(video, 100), store.read(video).reshape(-1, 8))
    np.testing.assert_array_equal(store.read_some(video, 2), store.read(video).reshape(-1, 8)[[0, 7]])


def drawn(number):
    draw = np.random.default_rng(number)
    image = Image.new("RGB", (96, 96), tuple(int(one) for one in draw.integers(0, 80, 3)))
    for _ in range(3):
        x, y, size = (int(one) for one in draw.integers(5, 60, 3))
        shape = ImageDraw.Draw(image).ellipse if draw.integers(2) else ImageDraw.Draw(image).rectangle
        shape((x, y, x + size, y + size), fill=tuple(int(one) for one in draw.integers(90, 256, 3)))
    return image


def test_an_image_that_was_saved_again_is_found_by_a_real_encoder(tmp_path, build):
    from macaw_cli.features.extract import extract

    (tmp_path / "media").mkdir()
    for number in range(40):
        drawn(number).save(tmp_path / f"media/{number}.png")
    drawn(7).save(tmp_path / "media/seven.jpg", quality=60)
    drawn(8).resize((80, 80)).save(tmp_path / "media/eight.jpg", quality=85)
    drawn(100).save(tmp_path / "media/other.jpg", quality=85)
    (tmp_path / "macaw.yaml").write_text(f"features:\n  image_encoder: {SHIPPED / 'clip'}\n  device: cpu\n")
    extract(open_workspace(tmp_path), ["media"])
    held_out = ("seven.jpg", "eight.jpg", "other.jpg")
    rows = [question(f"{number}.png", split="train") for number in range(40)]
    write_rows(tmp_path / "c.jsonl", [*rows, *(question(name, split="val") for name in held_out)])
    build("jsonl:c.jsonl", leak_check="drop")
    assert {(row["train"], row["held_out"]) for row in listed(tmp_path / "dataset")} == {
        ("7.png", "seven.jpg"),
        ("8.png", "eight.jpg"),
    }
