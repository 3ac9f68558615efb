"""Working names are unique and known again, and nothing behind a link is opened, emptied or removed."""

import os
import stat
import subprocess
import sys

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.working_files import (
    is_in_the_making,
    is_working_name,
    kind_of,
    make_folder,
    open_own,
    remove_leftovers,
    remove_own,
    working_folder,
    working_name,
)

DEAD = 999_999_999


def of_a_dead_process(name):
    return name.replace(f"-{os.getpid()}-", f"-{DEAD}-")


def test_no_two_working_names_are_equal_and_each_is_known_as_one():
    names = [working_name("model") for _ in range(100)]
    assert len(set(names)) == 100 and all(map(is_working_name, names))
    assert not any(map(is_working_name, ["model", ".model.tmp", "model.old", ".macaw.lock", ".a.macaw-1-2-3.tmp"]))


def test_a_working_name_fits_where_its_target_fits(tmp_path):
    for name in ("x" * 250 + ".html", "\u00e4" * 127, os.fsdecode(b"\xff" * 255)):
        (tmp_path / working_name(name)).touch()


def test_what_dead_processes_have_left_goes_and_all_else_stays(tmp_path):
    living, foreign = working_name("model"), working_name("model").replace(".macaw-", ".macaw-0")
    others = ["model.tmp", "model.old", ".model.exporting", foreign, of_a_dead_process(working_name("another"))]
    for name in [living, *others]:
        (tmp_path / name).mkdir()
    (tmp_path / of_a_dead_process(working_name("model"))).mkdir()
    remove_leftovers(tmp_path, "model")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([living, *others])
    assert is_in_the_making(tmp_path / "model") and not is_in_the_making(tmp_path / "another")


def test_a_process_that_has_the_number_of_a_dead_one_does_not_keep_its_leftovers(tmp_path):
    if not os.path.exists("/proc/self/stat"):  # noqa: PTH110
        pytest.skip("this system does not tell when a process started")
    host, pid, _, tail = working_name("a").rpartition(".macaw-")[2].split("-")
    (tmp_path / f".a.macaw-{host}-{pid}-1-{tail}").touch()
    remove_leftovers(tmp_path)
    assert not list(tmp_path.iterdir())


def test_leftovers_of_other_machines_stay(tmp_path):
    name = of_a_dead_process(working_name("a"))
    host = name.rpartition(".macaw-")[2][:8]
    (tmp_path / name.replace(host, "00000000")).touch()
    remove_leftovers(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_link_with_the_name_of_leftovers_goes_without_what_it_points_to(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    (tmp_path / of_a_dead_process(working_name("a"))).symlink_to(tmp_path / "mine")
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mine", "thesis.txt"]


def test_a_killed_process_leaves_what_the_next_one_removes(tmp_path):
    code = (
        "import os, pathlib, signal\nfrom macaw_cli.basics.working_files import working_folder\n"
        "working_folder(pathlib.Path('model'))\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert len(list(tmp_path.iterdir())) == 1
    remove_leftovers(tmp_path, "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", ["wb", "r+b", "ab"])
@pytest.mark.parametrize("plant", ["link", "hard link", "folder", "pipe"])
def test_only_a_plain_file_of_one_name_is_opened(tmp_path, plant, mode):
    mine, working = tmp_path / "mine", tmp_path / "image-000000.tar.partial"
    mine.write_text("mine")
    match plant:
        case "link":
            working.symlink_to(mine)
        case "hard link":
            os.link(mine, working)
        case "folder":
            working.mkdir()
        case "pipe":
            os.mkfifo(working)
    with pytest.raises(InputError, match=r"image-000000\.tar\.partial"):
        open_own(working, mode)
    assert mine.read_text() == "mine"


def test_a_link_to_nothing_makes_nothing(tmp_path):
    (tmp_path / "working").symlink_to(tmp_path / "nothing")
    with pytest.raises(InputError, match="is a link"):
        open_own(tmp_path / "working", "wb")
    assert not (tmp_path / "nothing").exists()


def test_a_plain_file_is_emptied_continued_or_appended_to(tmp_path):
    with open_own(tmp_path / "a", "wb") as file:
        file.write(b"one")
    with open_own(tmp_path / "a", "ab") as file:
        file.write(b"two")
    with open_own(tmp_path / "a", "r+b") as file:
        assert file.read() == b"onetwo"
    with open_own(tmp_path / "a", "wb") as file:
        file.write(b"3")
    assert (tmp_path / "a").read_bytes() == b"3"
    with pytest.raises(FileNotFoundError):
        open_own(tmp_path / "absent", "r+b")


def test_folders_of_a_fixed_name_are_no_links(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / ".staging").symlink_to(tmp_path / "mine")
    (tmp_path / "file").touch()
    for name in (".staging", "file"):
        with pytest.raises(InputError, match=name):
            make_folder(tmp_path / name)
    make_folder(tmp_path / "new" / "one")
    make_folder(tmp_path / "new" / "one")


def test_removing_does_not_follow_a_link(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    remove_own(tmp_path / "link")
    remove_own(tmp_path / "absent")
    assert (tmp_path / "mine" / "thesis.txt").exists() and not kind_of(tmp_path / "link")


def test_a_working_folder_is_new_and_private_to_the_call(tmp_path):
    first, second = working_folder(tmp_path / "deep" / "model"), working_folder(tmp_path / "deep" / "model")
    assert first != second and stat.S_ISDIR(os.lstat(first).st_mode) and first.parent == tmp_path / "deep"
