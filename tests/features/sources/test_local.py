import os
import shutil

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import open_workspace
from macaw_cli.features.source import Source
from macaw_cli.features.sources.listing import list_sources


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "macaw.yaml").write_text("version: 1\n")
    return open_workspace(tmp_path)


@pytest.fixture
def tree(tmp_path):
    for name in ("a/0.png", "b/1.png", "c/2.png"):
        (tmp_path / "m" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "m" / name).write_text("x")
    return tmp_path / "m"


def test_links_back_to_a_folder_above_are_not_followed(workspace, tree):
    (tree / "a" / "loop").symlink_to(tree)
    (tree / "a" / "up").symlink_to(tree / "a")
    (tree / "d").symlink_to(tree / "b")  # no loop: another name of a folder beside it
    names = [source.name for source in list_sources(workspace, ["m"])]
    assert names == ["m/a/0.png", "m/b/1.png", "m/c/2.png", "m/d/1.png"]


def test_a_link_to_itself_and_a_folder_that_vanishes_are_rejects_and_the_rest_goes_on(workspace, tree):
    (tree / "a" / "self").symlink_to(tree / "a" / "self")
    found = list_sources(workspace, ["m"])
    first = next(found)
    shutil.rmtree(tree / "b")
    rest = list(found)
    assert [entry.name for entry in (first, *rest) if isinstance(entry, Source)] == ["m/a/0.png", "m/c/2.png"]
    assert [(entry.row["path"], entry.row["reason"]) for entry in rest if not isinstance(entry, Source)] == [
        ("m/a/self", "It cannot be read: Too many levels of symbolic links."),
        ("m/b", "It cannot be read: No such file or directory."),
    ]  # fmt: skip


def test_a_folder_that_may_not_be_read_is_a_reject(workspace, tree, monkeypatch):
    real = os.scandir

    def refusing(folder):  # the tests may run as root, who may read everything
        if str(folder).endswith("/b"):
            raise PermissionError(13, "Permission denied")
        return real(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    _, refused, _ = list_sources(workspace, ["m"])
    assert refused.row["path"] == "m/b" and refused.row["reason"] == "It cannot be read: Permission denied."


def test_links_to_nowhere_and_what_is_no_file_are_told(workspace, tree, tmp_path):
    (tree / "c" / "nowhere.png").symlink_to(tree / "gone.png")
    os.mkfifo(tree / "c" / "pipe.png")
    refused = [entry.row["path"] for entry in list_sources(workspace, ["m/c/*.png"]) if not isinstance(entry, Source)]
    assert refused == ["m/c/nowhere.png", "m/c/pipe.png"]
    (tmp_path / "self").symlink_to(tmp_path / "self")
    with pytest.raises(InputError, match=r"self/a\.png cannot be read: Too many levels"):
        list(list_sources(workspace, ["self/a.png"]))


def test_a_folder_named_like_a_manifest_is_a_folder(workspace, tree):
    tree.rename(tree.with_name("m.jsonl"))
    assert len(list(list_sources(workspace, ["m.jsonl"]))) == 3
