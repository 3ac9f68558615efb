"""Media whose names in rows are not those of the feature store."""

import os

import pytest
from fake_store import join, key_of, make_store, question

from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.conversations import Origin, checked_conversation
from macaw_cli.dataset.feature_join import FeatureStores
from macaw_cli.dataset.formats.coco_names import coco_name, coco_spellings
from macaw_cli.dataset.media_names import MediaFolders, other_names


@pytest.fixture
def found(tmp_path):
    def run(store, name, modality="image", media=None):
        conversation = checked_conversation(question(name, modality), Origin(0, "c.jsonl", 1))
        folders = MediaFolders([tmp_path / one for one in media]) if media else None
        media, reason = join(conversation, [store], tmp_path, folders)
        return media[-1].medium.row.path if media else reason

    return run


def files(folder, **contents):
    for name, content in contents.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


@pytest.mark.parametrize(("stored", "asked"), [
    ("coco/COCO_val2014_000000000009.jpg", "000000000009.jpg"), ("val2017/000000000009.jpg", coco_name(9)),
    ("000000000009.jpg", "COCO_train2014_000000000009.jpg"), ("COCO_test2015_000000000009.jpg", "000000000009.jpg"),
])  # fmt: skip
def test_an_image_of_coco_is_found_under_each_of_its_names(tmp_path, found, stored, asked):
    store = make_store(tmp_path / "s", image=[stored, "000000000010.jpg"])
    assert found(store, asked) == stored


@pytest.mark.parametrize("stored", ["films/46GP8.mkv", "46GP8.avi"])
@pytest.mark.parametrize("asked", ["46GP8.mp4", "46GP8"])
def test_a_video_is_found_by_its_key_whatever_its_extension(tmp_path, found, stored, asked):
    assert found(make_store(tmp_path / "s", video=[stored, "46GP9.mkv"]), asked, "video") == stored


def test_names_that_are_not_coco_s_have_no_other_spelling():
    assert coco_spellings("9.jpg") == other_names("a.png", "image") == other_names("a.wav", "audio") == []
    assert coco_name("a.png") == "a.png"


def test_a_file_of_a_media_folder_is_found_by_its_path_or_content(tmp_path, found):
    files(tmp_path / "m", a__x_dot_png="a/x.png", b__y_dot_png="renamed")
    store = make_store(tmp_path / "s", ["a/x.png", "b/x.png", "old.png"], same={"old.png": "renamed"})
    assert "give more of its path" in found(store, "x.png")
    assert found(store, "x.png", media=["m"]) == "a/x.png"
    assert found(store, "y.png", media=["m"]) == "old.png"
    assert key_of("renamed") in [row.key for row in FeatureStores([store]).stores[0].rows()]


def test_what_is_missing_or_named_by_two_different_files_is_a_reject(tmp_path, found):
    files(tmp_path / "m", a__x_dot_png="one", b__x_dot_png="other", c__z_dot_png="same", d__z_dot_png="same")
    store = make_store(tmp_path / "s", ["1.png", "2.png"], same={"1.png": "one", "2.png": "same"})
    reason = found(store, "x.png", media=["m"])
    assert "a/x.png" in reason and "b/x.png" in reason
    assert found(store, "a/x.png", media=["m"]) == "1.png"
    assert found(store, "z.png", media=["m"]) == "2.png"
    assert "nothing.png" in found(store, "nothing.png", media=["m"])
    with pytest.raises(InputError, match="no folder"):
        MediaFolders([tmp_path / "none"])


def test_files_that_appear_in_a_media_folder_build_the_dataset_again(tmp_path, build):
    from fake_store import write_rows

    make_store(tmp_path / "features", ["old.png", "1.png"], same={"old.png": "renamed"})
    write_rows(tmp_path / "c.jsonl", [question("1.png"), question("new.png")])
    files(tmp_path / "m", other_dot_png="x")
    assert sum(build("jsonl:c.jsonl", media=["m"]).info["filters"].values()) == 1
    assert build("jsonl:c.jsonl", media=["m"]).up_to_date
    files(tmp_path / "m", new_dot_png="renamed")
    assert sum(build("jsonl:c.jsonl", media=["m"]).info["filters"].values()) == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_links_in_a_circle_or_to_nothing_and_pipes_do_not_stop_the_search(tmp_path, found):
    store = make_store(tmp_path / "s", ["other.png"], same={"other.png": "red"})
    files(tmp_path / "m", one__red_dot_png="red", two__blue_dot_png="blue")
    for name in ("one", "two"):
        (tmp_path / "m" / name / "up").symlink_to("../..")
        (tmp_path / "m" / name / "here").symlink_to(".")
    (tmp_path / "m" / "nothing.png").symlink_to("missing")
    (tmp_path / "m" / "itself.png").symlink_to("itself.png")
    os.mkfifo(tmp_path / "m" / "pipe.png")
    assert found(store, "red.png", media=["m"]) == "other.png"
    assert "has no image features of nothing.png" in found(store, "nothing.png", media=["m"])
    assert "is a pipe" in found(store, "pipe.png", media=["m"])
    assert MediaFolders([tmp_path / "m"]).listing()
