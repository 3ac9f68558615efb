"""Items that can be asked about, in an order of the seed."""

from pathlib import Path

import pytest

from macaw_cli.basics.atomic_files import write_jsonl
from macaw_cli.config.loading import open_workspace
from macaw_cli.dataset.generation.askable import Askable, askable_items
from macaw_cli.dataset.source_specs import parse_sources
from tests.dataset.fake_store import make_store

CAPTIONS = {"captions": ["A dog."]}


def askable(folder: Path, rows: list[dict[str, object]], spec: str = "jsonl:c.jsonl", seed: int = 0) -> Askable:
    (folder / "macaw.yaml").write_text("version: 1\n")
    write_jsonl(folder / "c.jsonl", rows)
    sources = parse_sources([spec], open_workspace(folder, []))
    return askable_items(sources, [folder / "features"], seed)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With features of twenty images."""
    make_store(tmp_path / "features", image=[f"{number}.jpg" for number in range(20)])
    return tmp_path


def test_the_seed_decides_the_order_and_a_share_is_a_share_of_the_items(folder: Path) -> None:
    rows: list[dict[str, object]] = [{"image": f"{number}.jpg", **CAPTIONS} for number in range(20)]
    first = [item.id for item in askable(folder, rows).items]
    assert first == [item.id for item in askable(folder, rows).items]
    assert first != [item.id for item in askable(folder, rows, seed=1).items]
    assert len(askable(folder, rows, "jsonl:c.jsonl#50%").items) == 10


def test_items_that_cannot_be_used_are_listed_with_a_reason_and_conversations_are_left_to_the_build(
    folder: Path,
) -> None:
    found = askable(folder, [
        {"image": "0.jpg", **CAPTIONS}, {"image": "lost.jpg", **CAPTIONS}, {"image": "1.jpg", "captions": []},
        {"image": "2.jpg", "captions": [1]}, {"messages": [], "image": "3.jpg"},
    ])  # fmt: skip
    assert [item.media["image"] for item in found.items] == [("0.jpg",)]
    assert [row["row"] for row in found.rejects] == [2, 3, 4]
    assert all(row["reason"] for row in found.rejects)
