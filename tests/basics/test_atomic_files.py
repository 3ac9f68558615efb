"""Files are whole or absent, and a torn journal goes on."""

import os
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
from macaw_cli.basics.errors import DamagedError

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


def test_a_full_disk_leaves_the_old_file(tmp_path):
    if not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("no /dev/full on this system")
    write_bytes(tmp_path / "a.bin", b"old")
    (tmp_path / "a.bin.tmp").symlink_to("/dev/full")
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
    old, new = tmp_path / "model", tmp_path / "model.tmp"
    for folder, name in ((old, "old.txt"), (new, "new.txt")):
        (folder / "below").mkdir(parents=True)
        (folder / "below" / name).write_text(name)
    publish_folder(new, old)
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "below", "new.txt"]


def test_a_killed_replacement_leaves_no_half_removed_folder_of_the_final_name(tmp_path):
    for name in ("model", "model.tmp"):
        (tmp_path / name).mkdir()
        for number in range(3):
            (tmp_path / name / f"{number}.bin").write_text(name)
    code = (
        "import os, shutil, signal, pathlib\nfrom macaw_cli.basics.atomic_files import publish_folder\n"
        "def killed(path, **_): [os.kill(os.getpid(), signal.SIGKILL) for file in pathlib.Path(path).glob('*')]\n"
        "shutil.rmtree = killed\n"
        "publish_folder(pathlib.Path('model.tmp'), pathlib.Path('model'))"
    )
    killed = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "model.old"]
    assert {file.read_text() for file in (tmp_path / "model").iterdir()} == {"model.tmp"}


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
