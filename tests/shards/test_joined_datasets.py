"""Several datasets read as one."""

import json

import numpy as np
import pytest
from fake_store import make_store, question, write_rows

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.dataset.build import build_dataset
from macaw_cli.shards.joined_datasets import JoinedDatasets, joined
from macaw_cli.shards.training_dataset import TrainingDataset


@pytest.fixture
def two(tmp_path):
    """Folders of two datasets, of 8 images and of 6 others."""
    folders = []
    for name, numbers in (("one", range(8)), ("two", range(8, 14))):
        root = tmp_path / f"of-{name}"
        files = [f"{number}.png" for number in numbers]
        make_store(root / "features", files)
        write_rows(root / "c.jsonl", [question(file) for file in files])
        tree = {"dataset": {"sources": ["jsonl:c.jsonl"], "val_fraction": 0.3, "out": name}}
        build_dataset(Workspace(root, parse_settings(tree, "test")))
        folders.append(root / name)
    return folders


def test_rows_stand_behind_each_other_and_each_is_read_from_its_own_dataset(two):
    parts = [TrainingDataset(folder, number) for number, folder in enumerate(two)]
    both = joined(parts)
    for split in ("train", "val"):
        rows = both.conversations(split)
        alone = [(part, row) for part in parts for row in part.conversations(split)]
        assert [row.id for row in rows] == [row.id for _, row in alone]
        for row, (part, own) in zip(rows, alone, strict=True):
            assert both.messages(row) == part.messages(own)
            for ref, own_ref in zip(row.media, own.media, strict=True):
                assert np.array_equal(both.features(ref), part.features(own_ref))
    assert len(both) == sum(map(len, parts))
    assert np.array_equal(both.null_features("image"), parts[0].null_features("image"))


def test_one_dataset_stays_as_it_is(two):
    dataset = TrainingDataset(two[0])
    assert joined([dataset]) is dataset


def test_the_hash_follows_the_datasets_and_their_order(two):
    one, other = TrainingDataset(two[0]), TrainingDataset(two[1], 1)
    assert JoinedDatasets([one, other]).hash != JoinedDatasets([other, one]).hash


def test_datasets_of_other_encoders_are_refused_with_both_fingerprints(two):
    lock = two[1] / "dataset.json"
    content = json.loads(lock.read_text())
    content["fingerprints"]["image"]["layer"] = -2
    lock.write_text(json.dumps(content))
    with pytest.raises(MismatchError, match=r"layer=-1.*layer=-2"):
        joined([TrainingDataset(folder, number) for number, folder in enumerate(two)])
