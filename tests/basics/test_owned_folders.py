"""Where macaw may write: nothing there, or its own marker; and never into, over or around what it reads."""

import os
from pathlib import Path

import pytest

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.basics.fingerprints import require_version
from macaw_cli.basics.locks import LOCK_NAME, folder_lock
from macaw_cli.basics.owned_folders import (
    GENERATOR,
    FolderKind,
    marker_content,
    require_apart,
    require_own_folder,
    require_own_page,
)
from macaw_cli.basics.working_files import working_name


def is_own(folder):
    content = marker_content(folder / "store.json")
    if content is not None:
        require_version(content.get("format_version"), 1, folder / "store.json")
    return content is not None


STORE = FolderKind("feature store", is_own)


def test_a_folder_that_is_missing_empty_or_macaws_own_is_taken(tmp_path):
    require_own_folder(tmp_path / "missing" / "deep", STORE)
    require_own_folder(tmp_path, STORE)
    with folder_lock(tmp_path):
        (tmp_path / working_name("store.json")).touch()
        require_own_folder(tmp_path, STORE)  # a command that is killed at once leaves just these
    (tmp_path / "store.json").write_text('{"format_version": 1}')
    (tmp_path / "image-000000.tar").touch()
    require_own_folder(tmp_path, STORE)
    (tmp_path / "link").symlink_to(tmp_path)
    require_own_folder(tmp_path / "link", STORE)
    require_own_folder(Path(f"{tmp_path}/./link/"), STORE)


@pytest.mark.parametrize("name", ["image-000000.tar", ".hidden", "notes.txt", "dataset.json", "settings.yaml"])
def test_anything_else_is_refused_by_name_and_left_alone(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=name):
        require_own_folder(tmp_path, STORE)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("content", ["", "[]", "null", "{", "\xff", "[" * 100_000, None])
def test_a_marker_that_is_none_counts_for_nothing(tmp_path, content):
    if content is None:
        (tmp_path / "store.json").mkdir()
    else:
        (tmp_path / "store.json").write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=r"store\.json"):
        require_own_folder(tmp_path, STORE)


def test_a_marker_that_is_a_link_or_a_pipe_counts_for_nothing(tmp_path):
    real = tmp_path / "real.json"
    real.write_text('{"format_version": 1}')
    for number, plant in enumerate((lambda file: file.symlink_to(real), os.mkfifo)):
        folder = tmp_path / str(number)
        folder.mkdir()
        plant(folder / "store.json")
        with pytest.raises(InputError, match=r"store\.json"):
            require_own_folder(folder, STORE)


def test_the_marker_of_a_newer_version_is_told_as_such(tmp_path):
    (tmp_path / "store.json").write_text('{"format_version": 2}')
    with pytest.raises(MismatchError, match="version 2"):
        require_own_folder(tmp_path, STORE)


def test_what_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    told = {"file": "a file", "file/below": "a file", "pipe": "a pipe", "dangling": "broken symbolic link"}
    for place, word in told.items():
        with pytest.raises(InputError, match=word):
            require_own_folder(tmp_path / place, STORE)


def test_a_folder_that_cannot_be_read_is_refused(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may read everywhere")
    tmp_path.chmod(0)
    try:
        with pytest.raises(InputError, match="cannot be read"):
            require_own_folder(tmp_path, STORE)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(("output", "given"), [
    ("a", "a"), ("a/b", "a"), ("a/new/deeper", "a"), ("a", "a/b/file"), ("link", "a"), ("a", "link"), ("link/new", "a"),
    ("a/../a/new", "a"), ("a/", "./a"), ("a/hard", "a/b/file"),
])  # fmt: skip
def test_output_and_input_that_meet_are_refused_however_they_are_called(tmp_path, output, given):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    os.link(tmp_path / "a" / "b" / "file", tmp_path / "a" / "hard")
    with pytest.raises(InputError, match="source"):
        require_apart(Path(f"{tmp_path}/{output}"), [f"{tmp_path}/{given}"])


@pytest.mark.parametrize(("output", "given"), [("new", "a"), ("ab", "a"), ("b", "a"), ("x", "missing"), ("a/c", "a/b")])
def test_output_and_input_beside_each_other_are_fine(tmp_path, output, given):
    for name in ("a/b", "b"):
        (tmp_path / name).mkdir(parents=True)
    require_apart(tmp_path / output, [tmp_path / given])


def test_a_page_replaces_nothing_but_an_earlier_page(tmp_path):
    page, data = tmp_path / "page.html", tmp_path / "data.csv"
    require_own_page(page)
    page.write_text(f"<!doctype html><head>{GENERATOR}")
    require_own_page(page)
    data.write_text("a,b\n" + "1,2\n" * 4000 + GENERATOR)
    (tmp_path / "link.html").symlink_to(page)
    (tmp_path / "folder.html").mkdir()
    for place in (data, tmp_path / "link.html", tmp_path / "folder.html"):
        with pytest.raises(InputError, match=place.name):
            require_own_page(place)


@pytest.mark.parametrize("content", ["mine", '["pid"]', '{"user": 1}'])
def test_a_lock_that_macaw_did_not_make_is_left_alone(tmp_path, content):
    (tmp_path / LOCK_NAME).write_text(content)
    with pytest.raises(InputError, match=LOCK_NAME), folder_lock(tmp_path):
        pass
    assert (tmp_path / LOCK_NAME).read_text() == content


@pytest.mark.parametrize("plant", [Path.symlink_to, Path.hardlink_to])
def test_a_lock_that_is_a_link_is_not_followed(tmp_path, plant):
    (tmp_path / "mine").write_text('{"pid": "mine"}')
    (tmp_path / "store").mkdir()
    plant(tmp_path / "store" / LOCK_NAME, tmp_path / "mine")
    with pytest.raises(InputError, match=LOCK_NAME), folder_lock(tmp_path / "store"):
        pass
    assert (tmp_path / "mine").read_text() == '{"pid": "mine"}'
