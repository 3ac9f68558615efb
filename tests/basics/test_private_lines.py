"""Texts that were typed are kept in a file that nobody else can read."""

import json
import stat

import pytest

from macaw_cli.basics.private_lines import PrivateLines
from macaw_cli.basics.state_folder import state_folder


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state" / "macaw" / "history.jsonl"


def test_texts_come_back_whatever_they_hold(file):
    texts = ["one", "two\nlines", "\x1b[2J \u2028 \U0001f600 caf\udce9"]
    for text in texts:
        PrivateLines(file).add(text)
    assert PrivateLines(file).texts() == texts


def test_only_the_user_can_read_the_file_even_where_it_was_readable_before(file):
    file.parent.mkdir(parents=True)
    file.touch(0o644)
    PrivateLines(file).add("secret")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_folder_that_is_made_is_private(file):
    PrivateLines(file).add("secret")
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_damaged_lines_are_left_out_and_a_torn_one_spoils_no_other(file):
    file.parent.mkdir(parents=True)
    file.write_bytes(b'"good"\n{"not": "text"}\n\xff\n[\n"torn')
    PrivateLines(file).add("new")
    assert PrivateLines(file).texts() == ["good", "new"]


def test_the_file_is_written_anew_when_it_has_grown(file):
    for number in range(8):
        PrivateLines(file, 3).add(str(number))
    assert PrivateLines(file, 3).texts() == ["5", "6", "7"]
    assert len(file.read_text().splitlines()) <= 2 * 3
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_link_is_not_followed(file, tmp_path):
    file.parent.mkdir(parents=True)
    target = tmp_path / "other"
    target.write_text(json.dumps("kept as it is"))
    file.symlink_to(target)
    PrivateLines(file).add("new")
    assert target.read_text() == json.dumps("kept as it is")


@pytest.mark.parametrize("what", ["folder", "file above"])
def test_nothing_happens_where_nothing_can_be_written(file, what):
    if what == "folder":
        file.mkdir(parents=True)
    else:
        file.parent.parent.mkdir()
        file.parent.touch()
    PrivateLines(file).add("new")
    assert PrivateLines(file).texts() == []


def test_the_state_folder_follows_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "macaw"
    monkeypatch.setenv("HOME", str(tmp_path))
    for unset in ("", "relative"):
        monkeypatch.setenv("XDG_STATE_HOME", unset)
        assert state_folder() == tmp_path / ".local/state/macaw"
