"""Media with captions: read as items for generation, or as one description each."""

import json

import pytest
from fake_store import write_rows

from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Settings
from macaw_cli.dataset.conversations import Origin
from macaw_cli.dataset.items import Box, Item, checked_item, iterate_items
from macaw_cli.dataset.rejects import Reject
from macaw_cli.dataset.source_specs import parse_sources
from macaw_cli.shards.training_dataset import TrainingDataset

HERE = Origin(0, "rows.jsonl", 7)


@pytest.fixture
def items(tmp_path):
    def run(spec, seed=0):
        (source,) = parse_sources([spec], Workspace(tmp_path, Settings()))
        return list(iterate_items(source, seed))

    return run


def row(number, **more):
    return {"id": f"i{number}", "image": f"images/{number}.png", "captions": [f"{number}, first", "second"], **more}


def test_items_come_with_captions_transcript_and_boxes(tmp_path, items):
    box = {"category": "cat", "bbox": [0, 0.25, 1, 0.5]}
    write_rows(tmp_path / "a.jsonl", [row(1, transcript="Hello.", instances=[box], split="val"), {"id": "bad"}])
    item, reject = items("jsonl:a.jsonl")
    assert (item.id, item.media["image"], item.captions) == ("i1", ("images/1.png",), ("1, first", "second"))
    assert (item.transcript, item.split) == ("Hello.", "val")
    assert item.boxes == (Box("cat", (0.0, 0.25, 1.0, 0.5)),)
    assert isinstance(reject, Reject) and reject.origin.row == 2


@pytest.mark.parametrize("more", [
    {"captions": ["a", " "]}, {"captions": [3]}, {"captions": {}}, {"transcript": 3}, {"boxes": {}}, {"boxes": [{}]},
    {"boxes": [{"category": "x", "bbox": [0, 0, 2, 1]}]}, {"boxes": [{"category": "x", "bbox": [0.5, 0, 0.4, 1]}]},
    {"boxes": [{"category": "", "bbox": [0, 0, 1, 1]}]}, {"image": []}, {"image": 3}, {"split": "test"},
    {"score": float("nan")}, {"messages": []},
])  # fmt: skip
def test_an_item_of_another_form_is_refused(more):
    with pytest.raises(InputError):
        checked_item(row(1, **more), HERE)


def test_a_number_takes_so_many_items_in_the_order_of_the_file(tmp_path, items):
    write_rows(tmp_path / "a.jsonl", [row(number) for number in range(40)])
    all_ids = [item.id for item in items("jsonl:a.jsonl")]
    ten = [item.id for item in items("jsonl:a.jsonl#10")]
    assert len(set(ten)) == 10 and ten == [one for one in all_ids if one in ten]
    assert ten != [item.id for item in items("jsonl:a.jsonl#10", seed=1)]


def test_items_are_read_in_a_stream(tmp_path, items):
    write_rows(tmp_path / "a.jsonl", [row(number) for number in range(20_000)])
    with (tmp_path / "a.jsonl").open("ab") as file:
        file.write(b"\xff")  # reading that far would fail
    (source,) = parse_sources(["jsonl:a.jsonl"], Workspace(tmp_path, Settings()))
    assert isinstance(next(iterate_items(source)), Item)


def test_without_generation_an_item_is_one_description_drawn_by_seed_and_id(tmp_path, store, build):
    write_rows(tmp_path / "a.jsonl", [row(number) for number in range(12)])
    answers = []
    for seed in (0, 0, 1):
        build("jsonl:a.jsonl", seed=seed, val_fraction=0.0)
        dataset = TrainingDataset(tmp_path / "dataset")
        rows = dataset.conversations("train")
        assert {one.kind for one in rows} == {"description"} and len(rows) == 12
        answers.append({one.id: dataset.messages(one) for one in rows})
        assert all(messages[1]["content"] in (f"{key[1:]}, first", "second") for key, messages in answers[-1].items())
        assert all("captions" not in dataset.conversation(one) for one in rows)
    assert answers[0] == answers[1] != answers[2]
    assert len({messages[0]["content"] for messages in answers[0].values()}) > 1


def test_coco_captions_of_an_image_are_kept_together_and_what_is_wrong_is_told(tmp_path, items):
    content = {
        "info": {"year": 2014},
        "annotations": [{"image_id": number, "caption": text} for number, text in
                        [(10, "x"), (9, "A "), (9, "B"), (9, " "), (77, "q"), (10, "y")]] + ["?"],
        "images": [{"id": 9, "file_name": "COCO_val2014_000000000009.jpg"}, {"id": 10, "file_name": "b.jpg"},
                   {"id": 9, "file_name": "c.jpg"}, {"id": 10, "file_name": "b.jpg"}, {"id": 11, "file_name": "d.jpg"}],
    }  # fmt: skip
    (tmp_path / "captions_val2014.json").write_text(json.dumps(content, indent=1))
    found = items("captions_val2014.json")
    good = {item.id: item for item in found if isinstance(item, Item)}
    assert {key: item.captions for key, item in good.items()} == {"9": ("A", "B"), "10": ("x", "y")}
    assert good["9"].media["image"] == ("COCO_val2014_000000000009.jpg",)
    reasons = " | ".join(one.reason for one in found if isinstance(one, Reject))
    assert "9 exists twice, with the files COCO_val2014_000000000009.jpg and c.jpg" in reasons
    assert all(part in reasons for part in ("caption that is empty", "image 77", "d.jpg has no captions", "'?'"))
    assert len(found) - len(good) == 5


def test_coco_captions_without_a_list_of_images_are_named_by_id(tmp_path, items):
    (tmp_path / "c.json").write_text(json.dumps({"annotations": [{"image_id": 9, "caption": "A"}]}))
    assert items("coco-captions:c.json")[0].media["image"] == ("000000000009.jpg",)


@pytest.mark.parametrize("text", ["[]", "{}", '{"images": []}', '{"annotations": 3}', '{"annotations": [', "", "x"])
def test_a_file_without_captions_is_told(tmp_path, items, text):
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(InputError, match=r"c\.json"):
        items("coco-captions:c.json")
