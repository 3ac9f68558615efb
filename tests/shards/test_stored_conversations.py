"""A dataset's conversations one after another."""

import pytest
from fake_store import question, write_rows

from macaw_cli.basics.errors import DamagedError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.dataset.build import build_dataset
from macaw_cli.shards.stored_conversations import stored_conversations
from macaw_cli.shards.training_dataset import TrainingDataset


@pytest.fixture
def dataset(tmp_path):
    text = {"messages": question("x")["messages"], "note": 7}
    write_rows(tmp_path / "a.jsonl", [{"id": str(number), **text} for number in range(300)])
    build_dataset(Workspace(tmp_path, parse_settings({"dataset": {"sources": ["jsonl:a.jsonl"]}}, "test")))
    return tmp_path / "dataset"


def test_every_conversation_comes_once_as_the_reader_has_it(dataset):
    reader = TrainingDataset(dataset)
    found = list(stored_conversations(dataset))
    assert [row for row, _ in found] == [*reader.conversations("train"), *reader.conversations("val")]
    assert all(content == reader.conversation(row) and content["note"] == 7 for row, content in found)


def test_a_cut_shard_is_told(dataset):
    shard = dataset / "train-000000.tar"
    shard.write_bytes(shard.read_bytes()[:2000])
    with pytest.raises(DamagedError, match=r"train-000000\.tar ends"):
        list(stored_conversations(dataset))
