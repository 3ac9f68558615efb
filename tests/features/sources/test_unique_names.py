import json

import pytest

from macaw_cli.config.loading import open_workspace
from macaw_cli.features.extract import extract
from macaw_cli.features.source import Refused, Source
from macaw_cli.features.sources.listing import list_sources
from macaw_cli.features.sources.unique_names import UniqueNames


@pytest.fixture
def here(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "macaw.yaml").write_text("version: 1\n")
    return open_workspace(tmp_path / "work")


def write(path, content="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return str(path)


def names(workspace, *sources):
    return [getattr(found, "name", None) or found.row["path"] for found in list_sources(workspace, list(sources))]


def test_different_files_of_one_name_are_all_listed_and_told_once(here, tmp_path, capsys):
    for folder in ("d1", "d2", "e/d2"):
        for name in "ab":
            write(tmp_path / folder / "images" / f"{name}.png")
    sources = [str(tmp_path / folder / "images") for folder in ("d1", "d2", "d1", "e/d2", "d2")]
    found = names(here, *sources)
    assert found == ["images/a.png", "images/b.png", "d2/images/a.png", "d2/images/b.png",
                     "e/d2/images/a.png", "e/d2/images/b.png"] == names(here, *sources)  # fmt: skip
    told = "images/a.png is the name of more than one file: later ones are called d2/images/a.png and so on."
    assert capsys.readouterr().err.splitlines() == [told] * 2, "once per listing"


def test_the_same_file_named_twice_is_one(here, tmp_path):
    file = write(tmp_path / "d" / "a.png")
    assert names(here, file, file, f"{tmp_path}/d/../d/a.png") == ["a.png"]


def test_files_and_clips_of_manifests_keep_apart_and_so_do_those_that_are_missing(here, tmp_path):
    paths = [write(tmp_path / folder / "a.wav") for folder in ("d1", "d2")] + [f"{tmp_path}/d3/a.wav"] * 2
    rows = [{"path": path, **clip} for path in paths for clip in ({}, {"start": 1, "end": 2})]
    write(tmp_path / "work" / "list.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert names(here, "list.jsonl") == [
        "a.wav", "a.wav#t=1,2", "d2/a.wav", "d2/a.wav#t=1,2", "d3/a.wav", "d3/a.wav#t=1,2"
    ]  # fmt: skip


def test_members_of_tars_and_urls_keep_apart_too():
    given = UniqueNames()
    entries = [Source(f"/{folder}/0.tar", "0.tar/a.png", "image", offset=512, size=9) for folder in ("d1", "d2", "d1")]
    entries += [Source(f"{scheme}://b/a.png", "b/a.png", "image") for scheme in ("s3", "gs", "s3")]
    found = [given.named(entry) for entry in entries]
    assert [entry and entry.name for entry in found] == [
        "0.tar/a.png", "d2/0.tar/a.png", None, "b/a.png", "gs/b/a.png", None
    ]  # fmt: skip


def test_a_name_that_no_path_makes_its_own_is_still_not_lost():
    given = UniqueNames()
    first, second = (given.named(Refused({"path": "x/../a.png"}, file)) for file in ("/d1/a.png", "/d2/a.png"))
    assert first.row["path"] == "x/../a.png" and second.row["path"].endswith("/x/../a.png")


def test_features_of_both_are_made(workspace, media, store, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    for number in range(2):
        (out / str(number) / "images").mkdir(parents=True)
        (media / "pictures" / f"{number}.png").rename(out / str(number) / "images" / "a.png")
    sources = [str(out / str(number) / "images") for number in range(2)]
    assert extract(workspace(), sources).made == {"image": 2}
    assert store().find("images/a.png", "image").key != store().find("1/images/a.png", "image").key
    again = extract(workspace(), sources)
    assert again.made == {} and again.known == 2
