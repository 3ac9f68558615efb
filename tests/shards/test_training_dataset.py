"""The reader of training shards: positioned reads, threads, and everything that is refused."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fake_store import features_of, make_store, question, write_rows

from macaw_cli.basics.errors import DamagedError, InputError, MismatchError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.dataset.build import build_dataset
from macaw_cli.shards import positioned_reads
from macaw_cli.shards.encoder_match import require_same_encoders
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.shards.training_rows import row_from_json, row_to_json

NAMES = [f"{n}.png" for n in range(20)]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A finished dataset of 20 images and a video, not to be changed."""
    root = tmp_path_factory.mktemp("built")
    make_store(root / "features", NAMES, video=["v.mp4"])
    write_rows(root / "c.jsonl", [*map(question, NAMES), question("v.mp4", "video")])
    settings = parse_settings({"dataset": {"sources": ["jsonl:c.jsonl"], "val_fraction": 0.2}}, "test")
    build_dataset(Workspace(root, settings))
    return root / "dataset"


@pytest.fixture
def folder(built, tmp_path):
    """A copy of that dataset to damage."""
    shutil.copytree(built, tmp_path / "dataset")
    return tmp_path / "dataset"


def all_rows(dataset):
    return dataset.conversations("train") + dataset.conversations("val")


def change_lock(folder, **changes):
    info = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps(info | changes))


def test_rows_come_in_the_order_of_the_index_and_survive_the_round_trip(built):
    dataset = TrainingDataset(built)
    lines = [json.loads(line) for line in (built / "index.jsonl").read_text().splitlines()]
    assert [row.id for row in all_rows(dataset)] == [line["id"] for line in lines]
    assert [row_to_json(row) for row in all_rows(dataset)] == lines
    assert [row_from_json(row_to_json(row)) for row in all_rows(dataset)] == all_rows(dataset)


def test_a_soundtrack_points_to_its_video(built):
    (row,) = [row for row in all_rows(TrainingDataset(built)) if row.kind == "video/what"]
    audio, video = row.media
    assert (audio.modality, audio.soundtrack_of, video.modality) == ("audio", 1, "video")
    assert audio.key == video.key


def test_features_are_writable_half_precision_arrays_of_their_own(built):
    dataset = TrainingDataset(built)
    ref = all_rows(dataset)[0].media[0]
    features = dataset.features(ref)
    assert features.dtype == np.float16
    features[:] = 0
    np.testing.assert_array_equal(dataset.features(ref), features_of("image", ref.source))


def test_many_threads_read_the_right_bytes_while_files_are_closed_and_opened(built, monkeypatch):
    monkeypatch.setattr(positioned_reads, "MAX_OPEN", 1)
    dataset = TrainingDataset(built)
    rows = all_rows(dataset) * 20

    def is_right(row):
        right = all((dataset.features(ref) == features_of(ref.modality, ref.source)).all() for ref in row.media)
        return right and dataset.messages(row)[0]["content"] == f"What is {row.id[2:]}?"

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(is_right, rows))


def test_the_dataset_can_be_moved(folder):
    folder.rename(folder.parent / "elsewhere")
    dataset = TrainingDataset(folder.parent / "elsewhere")
    dataset.verify()
    assert dataset.features(all_rows(dataset)[0].media[0]).shape == (4, 8)


@pytest.mark.parametrize("kept", [512 * 3, 700, 0])
def test_a_shard_cut_in_the_middle_or_between_members_is_refused_by_name(folder, kept):
    shard = folder / "train-000000.tar"
    shard.write_bytes(shard.read_bytes()[:kept])
    with pytest.raises(DamagedError, match=rf"train-000000.tar.*{kept}.*\d+") as told:
        TrainingDataset(folder)
    assert "macaw build-dataset" in told.value.hint


@pytest.mark.parametrize("name", ["train-000000.tar", "null-000000.tar", "index.jsonl"])
def test_a_missing_file_is_refused_by_name(folder, name):
    (folder / name).unlink()
    with pytest.raises(DamagedError, match=f"{name} is missing"):
        TrainingDataset(folder)


def test_changed_bytes_are_found_by_verify(folder):
    shard = folder / "val-000000.tar"
    content = bytearray(shard.read_bytes())
    content[700] ^= 1
    shard.write_bytes(content)
    dataset = TrainingDataset(folder)
    with pytest.raises(DamagedError, match=r"val-000000.tar has changed"):
        dataset.verify()


def test_a_shard_cut_after_opening_is_noticed_when_read(folder):
    dataset = TrainingDataset(folder)
    row = dataset.conversations("train")[-1]
    (folder / "train-000000.tar").write_bytes(b"x" * 600)
    with pytest.raises(DamagedError, match=r"train-000000.tar.*600"):
        dataset.messages(row)
    (folder / "val-000000.tar").unlink()
    with pytest.raises(DamagedError, match=r"val-000000.tar is missing"):
        dataset.messages(dataset.conversations("val")[0])


def test_a_newer_format_is_refused_with_the_version(folder):
    change_lock(folder, format_version=2)
    with pytest.raises(MismatchError, match=r"format version 2.* up to 1"):
        TrainingDataset(folder)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: shutil.rmtree(folder), "does not exist"),
        (lambda folder: (folder / "dataset.json").unlink(), "it has no dataset.json"),
        (lambda folder: (folder / "dataset.json").unlink() or (folder / ".building").mkdir(), "never finished"),
        (lambda folder: (folder / "dataset.json").rename(folder / "store.json"), "is a feature store"),
        (lambda folder: (folder / "dataset.json").write_text("{"), "not valid JSON"),
        (lambda folder: (folder / "dataset.json").write_text("[]"), "dataset.json does not hold what macaw writes"),
    ],
)
def test_what_is_no_finished_dataset_is_told(folder, prepare, message):
    prepare(folder)
    with pytest.raises(InputError, match=message):
        TrainingDataset(folder)


def test_encoders_are_compared_per_modality_and_the_differing_fields_shown():
    a = {"image": {"model": "clip", "processing": {"size": 224, "mean": [0.5]}}, "audio": {"model": "whisper"}}
    require_same_encoders(a, {"image": a["image"], "video": {"model": "x"}}, "a", "b")
    b = {"image": {"model": "clip", "processing": {"size": 336, "mean": [0.5]}}}
    with pytest.raises(MismatchError) as told:
        require_same_encoders(a, b, "the data", "the run")
    assert "processing.size=224" in told.value.problem
    assert "processing.size=336" in told.value.problem
    assert "the data" in told.value.problem
    assert "mean" not in told.value.problem
    with pytest.raises(MismatchError, match="layer=none"):
        require_same_encoders({"audio": {"layer": -1}}, {"audio": {}}, "a", "b")


class Reversed:
    """A view that gives the last tokens first, of `keep` of them."""

    needs_seconds = False

    def __init__(self, keep):
        self.keep = keep

    @property
    def of_null(self):
        return Reversed(None)

    def shape(self, shape, seconds):
        return (self.keep, *shape[1:])

    def array(self, features, seconds):
        return features[::-1][: self.keep]


def test_a_dataset_read_through_a_view_gives_other_shapes_and_features_and_stays_as_it_is(built):
    plain = TrainingDataset(built)
    seen = plain.viewed({"image": Reversed(3)})
    for row, other in zip(all_rows(plain), all_rows(seen), strict=True):
        assert seen.messages(other) == plain.messages(row)
        for ref, viewed in zip(row.media, other.media, strict=True):
            expected = features_of(ref.modality, ref.source)
            np.testing.assert_array_equal(plain.features(ref), expected)
            if ref.modality == "image":
                assert viewed.shape == (3, 8)
                expected = expected[:0:-1]
            np.testing.assert_array_equal(seen.features(viewed), expected)
            assert row_to_json(row)["media"][0]["shape"] == list(row.media[0].shape)
    assert seen.hash == plain.hash and seen.fingerprints == plain.fingerprints
    np.testing.assert_array_equal(seen.null_features("image"), plain.null_features("image")[::-1])


def test_a_view_that_needs_lengths_is_refused_where_one_is_not_known(built):
    view = Reversed(2)
    view.needs_seconds = True
    with pytest.raises(InputError, match=r"views\.audio\.trim.*v\.mp4.*build-dataset"):
        TrainingDataset(built).viewed({"audio": view})
