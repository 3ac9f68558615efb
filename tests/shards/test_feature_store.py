import numpy as np
import pytest

from macaw_cli.basics.atomic_files import write_json, write_jsonl
from macaw_cli.basics.errors import DamagedError, InputError, MismatchError
from macaw_cli.shards.feature_store import FeatureStore
from macaw_cli.shards.tar_writer import write_shard


def array(number):
    return np.full((2, 3), number, np.float16)


@pytest.fixture
def folder(tmp_path):
    """Two shards of images as an extraction leaves them, and one whose last row is missing."""
    rows = []
    for shard, numbers in (("image-000000.tar", (0, 1, 2)), ("image-000001.tar", (3, 4)), ("image-000002.tar", (5,))):
        samples = [{"__key__": f"k{number}" if number else "null", "npy": array(number)} for number in numbers]
        written = write_shard(tmp_path / shard, samples)
        for number, sample in zip(numbers, samples, strict=True):
            member = written.members[f"{sample['__key__']}.npy"]
            path = f"set{number % 2}/pictures/{number}.png" if number else ""
            rows.append({"path": path, "key": sample["__key__"], "modality": "image", "shard": shard,
                         "offset": member.offset, "bytes": member.nbytes, "shape": [2, 3], "dtype": "float16",
                         "meta": {"duration": 1.5}})  # fmt: skip
        if shard != "image-000002.tar":
            rows.append({"shard": shard, "bytes": written.nbytes, "sha256": written.sha256, "items": len(numbers)})
    write_jsonl(tmp_path / "manifest.jsonl", rows)
    write_json(tmp_path / "store.json", {"format_version": 1, "fingerprints": {"image": {"model": "clip"}}})
    return tmp_path


def test_features_are_found_by_path_by_end_of_path_and_by_key(folder):
    store = FeatureStore(folder)
    for name in ("set1/pictures/3.png", "3.png", "pictures/3.png", "./3.png", "somewhere/set1/pictures/3.png", "k3"):
        row = store.find(name, "image")
        assert row is not None and row.key == "k3" and row.meta == {"duration": 1.5}
        np.testing.assert_array_equal(store.read(row), array(3))
    assert store.find("3.png", "audio") is None and store.find("9.png", "image") is None
    assert store.find("other/3.png", "image") is None
    assert store.fingerprints == {"image": {"model": "clip"}}


def test_a_name_that_fits_several_media_is_not_guessed(folder):
    manifest = folder / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace("set0/pictures/4.png", "set0/pictures/3.png"))
    store = FeatureStore(folder)
    assert store.find("3.png", "image") is None and store.find("set0/pictures/3.png", "image").key == "k4"
    assert "fits 2 image files" in store.why_missing("3.png", "image")
    assert "has no image features of 9.png" in store.why_missing("9.png", "image")


def test_the_null_entry_stands_apart(folder):
    store = FeatureStore(folder)
    np.testing.assert_array_equal(store.read(store.null_row("image")), array(0))
    assert store.null_row("audio") is None and len(list(store.rows())) == 4


def test_an_end_of_a_path_is_found_among_many_equal_names(folder):
    manifest = folder / "manifest.jsonl"
    text = manifest.read_text()
    for number in (1, 2, 3, 4):
        text = text.replace(f"set{number % 2}/pictures/{number}.png", f"clips/clip_{number}/film.mp4")
    manifest.write_text(text)
    store = FeatureStore(folder)
    assert [store.find(f"data/clips/clip_{number}/film.mp4", "image").key for number in (1, 4)] == ["k1", "k4"]
    assert store.find("clip_3/film.mp4", "image").key == "k3" and store.find("film.mp4", "image") is None
    assert "fits 4 image files (clips/clip_1/film.mp4, " in store.why_missing("film.mp4", "image")


def test_copies_and_a_spread_sample_are_given(folder):
    manifest = folder / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace('"key": "k4"', '"key": "k3"').replace('"k4.npy"', '"k3.npy"'))
    store = FeatureStore(folder)
    assert store.copies(store.find("k3", "image")) == ["set0/pictures/4.png", "set1/pictures/3.png"]
    assert [row.path for row in store.spread("image", 2)] == ["set1/pictures/1.png", "set0/pictures/4.png"]
    assert len(store.spread("image", 9)) == 4 and store.spread("audio", 9) == []


def test_what_is_found_stays_when_the_manifest_is_rewritten_meanwhile(folder):
    store = FeatureStore(folder)
    write_jsonl(folder / "manifest.jsonl", [])
    assert store.find("3.png", "image").key == "k3" and len(list(store.rows())) == 4


def test_a_row_longer_than_usual_is_read_whole(folder):
    manifest = folder / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace("set1/pictures/3.png", "a" * 5000 + "/3.png"))
    assert FeatureStore(folder).find("3.png", "image").path == "a" * 5000 + "/3.png"


def test_rows_of_an_unfinished_shard_are_not_read(folder):
    assert FeatureStore(folder).find("5.png", "image") is None


def test_a_later_row_of_a_path_wins(folder):
    manifest = folder / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace("set0/pictures/4.png", "set1/pictures/3.png"))
    assert FeatureStore(folder).find("set1/pictures/3.png", "image").key == "k4"


@pytest.mark.parametrize("kept", [1000, 2048])  # in the middle of a member, at the border of two
def test_a_cut_shard_is_noticed_on_opening(folder, kept):
    shard = folder / "image-000001.tar"
    shard.write_bytes(shard.read_bytes()[:kept])
    with pytest.raises(DamagedError, match=r"image-000001\.tar.*\d+"):
        FeatureStore(folder)
    damaged = [row.path.name for row, error in FeatureStore(folder, check_sizes=False).verify() if error]
    assert damaged == ["image-000001.tar"]


def test_a_missing_shard_is_noticed_on_opening(folder):
    (folder / "image-000000.tar").unlink()
    with pytest.raises(DamagedError, match=r"image-000000\.tar is missing"):
        FeatureStore(folder)


def test_verifying_finds_a_flipped_bit(folder):
    shard = folder / "image-000000.tar"
    content = bytearray(shard.read_bytes())
    content[700] ^= 4
    shard.write_bytes(content)
    assert [error is not None for _, error in FeatureStore(folder).verify()] == [True, False]


def test_what_is_no_store_or_a_newer_one_is_told(folder, tmp_path_factory):
    with pytest.raises(InputError, match="is not a feature store"):
        FeatureStore(tmp_path_factory.mktemp("empty"))
    write_json(folder / "store.json", {"format_version": 2, "fingerprints": {}})
    with pytest.raises(MismatchError, match="format version 2"):
        FeatureStore(folder)
