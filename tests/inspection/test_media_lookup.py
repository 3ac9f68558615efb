"""Media are found from the workspace, from beside the store, and where the journal knows them."""

import json

from macaw_cli.inspection.media_lookup import MediaPlaces


def file(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return path


def test_each_place_is_looked_at_and_what_cannot_be_had_is_none(tmp_path):
    store = tmp_path / "work/deep/features"
    store.mkdir(parents=True)
    file(tmp_path / "work/macaw.yaml")
    elsewhere = file(tmp_path / "elsewhere/c.png")
    items = [{"key": "k3", "file": "../../../elsewhere/c.png"}, {"key": "k4", "file": "../x.tar", "offset": 512}]
    (store / "journal.jsonl").write_text(json.dumps({"job": 0, "items": items}) + "\n")
    file(store.parent / "x.tar")
    places = MediaPlaces(store, ["k1", "k2", "k3", "k4"])
    in_workspace, beside = file(tmp_path / "work/media/a.png"), file(tmp_path / "work/deep/b.mp4")
    assert places.find("media/a.png", "k1") == in_workspace
    assert places.find("b.mp4#t=1,2", "k2") == beside
    assert places.find("c.png", "k3") == elsewhere
    assert places.find("c.png", "k9") is None and places.find("x.png", "k4") is None
    assert places.find("s3://bucket/a.png", "k1") is None and places.find("n" * 5000, "k1") is None
