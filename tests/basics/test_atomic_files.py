"""Files are whole or absent, and a torn journal goes on."""

import errno
import os
import re
import signal
import subprocess
import sys

import pytest

from macaw_cli.basics.atomic_files import (
    append_jsonl,
    atomic_path,
    has_torn_line,
    located_jsonl,
    publish_folder,
    read_json,
    read_jsonl,
    write_bytes,
    write_json,
    write_jsonl,
    write_text,
)
from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.basics.working_files import working_folder

ANYTHING = re.compile(".*")
AWKWARD = [{"text": "line\u2028separator \x85 next", "name": "caf\xe9"}, {"name": os.fsdecode(b"\xff.jpg")}, {}]


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path):
    file = tmp_path / "new" / "a.txt"
    write_text(file, "old")
    with pytest.raises(ZeroDivisionError), atomic_path(file) as temporary:
        temporary.write_text("half")
        _ = 1 / 0
    assert file.read_text() == "old"
    assert [path.name for path in file.parent.iterdir()] == ["a.txt"]


def test_a_killed_write_leaves_the_old_file(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    code = (
        "import os, signal, pathlib\nfrom macaw_cli.basics.atomic_files import atomic_path\n"
        "with atomic_path(pathlib.Path('a.txt')) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "a.txt").read_text() == "old"
    write_text(tmp_path / "a.txt", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_bytes(tmp_path / "a.bin", b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(tmp_path / "a.bin", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"old"


def test_awkward_characters_survive_every_format(tmp_path):
    write_json(tmp_path / "a.json", AWKWARD)
    assert read_json(tmp_path / "a.json") == AWKWARD
    write_jsonl(tmp_path / "a.jsonl", AWKWARD)
    append_jsonl(tmp_path / "a.jsonl", AWKWARD)
    assert read_jsonl(tmp_path / "a.jsonl") == AWKWARD * 2
    assert "caf\xe9" in (tmp_path / "a.jsonl").read_text(encoding="utf-8")


def test_files_are_utf8_whatever_the_locale_says(tmp_path):
    code = "import pathlib; from macaw_cli.basics.atomic_files import *\n" \
           "write_json(pathlib.Path('a.json'), ['caf\\xe9']); assert read_json(pathlib.Path('a.json')) == ['caf\\xe9']"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, env=environment)


@pytest.mark.parametrize("torn", ['{"a": 2', '{"a": 2}', "{", "\xe9"])
def test_a_torn_last_line_is_not_read_and_cut_off_by_the_next_append(tmp_path, torn):
    file = tmp_path / "journal.jsonl"
    append_jsonl(file, [{"a": 1}])
    with file.open("ab") as out:
        out.write(torn.encode()[:-1] if torn == "\xe9" else torn.encode())
    assert read_jsonl(file) == [{"a": 1}]
    append_jsonl(file, [{"a": 3}])
    assert read_jsonl(file) == [{"a": 1}, {"a": 3}]


def test_a_file_of_one_torn_line_begins_anew(tmp_path):
    (tmp_path / "j").write_text('{"a"')
    assert read_jsonl(tmp_path / "j") == []
    append_jsonl(tmp_path / "j", [1])
    assert read_jsonl(tmp_path / "j") == [1]


def test_absent_and_empty_files_have_no_rows(tmp_path):
    (tmp_path / "empty").touch()
    assert read_jsonl(tmp_path / "empty") == read_jsonl(tmp_path / "absent") == []
    append_jsonl(tmp_path / "empty", [1, 2])
    assert read_jsonl(tmp_path / "empty") == [1, 2]


def test_a_bad_line_in_the_middle_is_damage_with_its_number(tmp_path):
    (tmp_path / "j").write_text("1\n{\n3\n")
    with pytest.raises(DamagedError, match="line 2 is not valid JSON"):
        read_jsonl(tmp_path / "j")


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe"])
def test_a_damaged_json_file_is_told(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DamagedError, match=r"a\.json is not valid JSON"):
        read_json(tmp_path / "a.json")


def test_a_folder_takes_the_place_of_an_older_one_of_that_name(tmp_path):
    old, new = tmp_path / "model", working_folder(tmp_path / "model")
    for folder, name in ((old, "old.txt"), (new, "new.txt")):
        (folder / "below").mkdir(parents=True)
        (folder / "below" / name).write_text(name)
    publish_folder(new, old, re.compile("below"))
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "below", "new.txt"]


def test_a_killed_replacement_leaves_no_half_removed_folder_of_the_final_name(tmp_path):
    (tmp_path / "model").mkdir()
    for number in range(3):
        (tmp_path / "model" / f"{number}.bin").write_text("old")
    code = (
        "import os, re, shutil, signal, pathlib\nfrom macaw_cli.basics.atomic_files import publish_folder\n"
        "from macaw_cli.basics.working_files import working_folder\n"
        "def killed(path, **_): [os.kill(os.getpid(), signal.SIGKILL) for file in pathlib.Path(path).glob('*')]\n"
        "shutil.rmtree = killed\n"
        "final = pathlib.Path('model')\nnew = working_folder(final)\n"
        "[(new / f'{number}.bin').write_text('new') for number in range(3)]\n"
        "publish_folder(new, final, re.compile('.*'))"
    )
    killed = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert killed.returncode == -signal.SIGKILL
    left_over, final = sorted(tmp_path.iterdir())
    assert left_over.suffix == ".old" and {file.read_text() for file in left_over.iterdir()} == {"old"}
    assert final.name == "model" and {file.read_text() for file in final.iterdir()} == {"new"}
    publish_folder(working_folder(final), final, ANYTHING)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("plant", [
    lambda folder: (folder / "notes.txt").write_text("mine"),
    lambda folder: (folder / "checkpoints").mkdir(),
    lambda folder: (folder / "config.json.bak").symlink_to("/dev/null"),
])  # fmt: skip
def test_a_folder_with_anything_else_in_it_is_not_replaced(tmp_path, plant):
    final, new = tmp_path / "model", working_folder(tmp_path / "model")
    final.mkdir()
    (final / "config.json").write_text("{}")
    plant(final)
    before = sorted(path.name for path in final.iterdir())
    with pytest.raises(InputError, match=before[-1] if before[-1] != "config.json" else before[0]):
        publish_folder(new, final, re.compile(r"config\.json"))
    assert sorted(path.name for path in final.iterdir()) == before


def test_a_folder_does_not_take_the_place_of_a_link_or_a_file(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").write_text("mine")
    for name in ("link", "file"):
        with pytest.raises(InputError, match=name):
            publish_folder(working_folder(tmp_path / name), tmp_path / name, ANYTHING)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_text() == "mine"


def test_rows_come_one_at_a_time_with_the_place_of_their_line_and_a_torn_one_is_known(tmp_path):
    file = tmp_path / "rows.jsonl"
    assert list(located_jsonl(file)) == [] and not has_torn_line(file)
    write_jsonl(file, AWKWARD)
    for position, row in located_jsonl(file):
        assert row == read_jsonl(file)[file.read_bytes()[:position].count(b"\n")]
    assert not has_torn_line(file)
    with file.open("a") as out:
        out.write('{"half')
    assert has_torn_line(file) and read_jsonl(file) == AWKWARD


@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "pipe"])
def test_only_a_file_is_replaced_by_a_file(tmp_path, kind):
    target, other = tmp_path / "a.json", tmp_path / "other"
    other.write_text("mine")
    match kind:
        case "link":
            target.symlink_to(other)
        case "dangling":
            target.symlink_to(tmp_path / "nothing")
        case "folder":
            target.mkdir()
        case "pipe":
            os.mkfifo(target)
    with pytest.raises(InputError, match=r"a\.json"):
        write_json(target, [1])
    if kind != "folder":
        with pytest.raises(InputError, match=r"a\.json"):
            append_jsonl(target, [1])
    assert other.read_text() == "mine" and not (tmp_path / "nothing").exists()


def test_appending_to_a_file_of_two_names_leaves_the_other_one_alone(tmp_path):
    append_jsonl(tmp_path / "rows.jsonl", [1])
    os.link(tmp_path / "rows.jsonl", tmp_path / "backup.jsonl")
    append_jsonl(tmp_path / "rows.jsonl", [2])
    assert read_jsonl(tmp_path / "backup.jsonl") == [1] and read_jsonl(tmp_path / "rows.jsonl") == [1, 2]
