"""The page of a dataset: its samples with their media, and nothing of other files."""

import json

from macaw_cli.inspection.dataset_media import is_content
from macaw_cli.inspection.dataset_page import write_dataset_page
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.shards.training_rows import SPLITS


def page_of(folder, tmp_path, samples=None):
    write_dataset_page(folder, tmp_path / "page.html", samples)
    return (tmp_path / "page.html").read_text()


def test_media_of_every_modality_are_embedded(copy, tmp_path):
    page = page_of(copy / "dataset", tmp_path)
    assert page.count('src="data:image/jpeg') >= 2 + 3  # two images, and frames of a video
    assert page.count("<audio controls") == 2  # an audio file, and the video's soundtrack
    assert "Length of questions" in page and "<script" not in page
    assert page.isascii() or "http://" not in page


def test_a_file_that_is_not_the_one_the_dataset_was_made_from_is_not_shown(copy, tmp_path):
    for name in ("red.png", "blue.png", "beep.wav", "film.mp4"):
        (copy / "media" / name).write_bytes((copy / "media/fake.jpg").read_bytes())
    page = page_of(copy / "dataset", tmp_path)
    assert "data:image/jpeg" not in page and "<audio" not in page
    assert "not the one that the dataset was made from" in page


def test_the_bytes_of_a_file_decide(copy):
    dataset = TrainingDataset(copy / "dataset")
    ref = next(ref for split in SPLITS for row in dataset.conversations(split) for ref in row.media
               if ref.source.endswith("red.png"))  # fmt: skip
    assert is_content(copy / "media/red.png", ref) and not is_content(copy / "media/blue.png", ref)
    assert not is_content(copy / "media/gone.png", ref)


def test_rejected_replies_are_shown_with_their_reasons_and_escaped(copy, tmp_path):
    lock = copy / "dataset/dataset.json"
    content = json.loads(lock.read_text())
    content["generator"] = {"model": "writer"}
    content["sources"].append({"file": "generated/conversations.jsonl", "format": "jsonl"})
    lock.write_text(json.dumps(content))
    (copy / "generated").mkdir()
    (copy / "generated/generation.json").write_text('{"format_version": 1}')
    row = {"reason": "no JSON object", "id": "red", "kind": "counting", "raw": "<script>alert(1)</script>"}
    (copy / "generated/rejects.jsonl").write_text(json.dumps(row) + "\n")
    page = page_of(copy / "dataset", tmp_path)
    assert "no JSON object" in page and "&lt;script&gt;alert(1)" in page and "<script>" not in page
