"""The command as it was typed, also where another process carries it out."""

import pytest

from macaw_cli.basics import command_line as room
from macaw_cli.basics.locks import describe_holder


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch):
    monkeypatch.setattr(room, "_told", [])
    monkeypatch.setattr("sys.argv", ["/tmp/rank_process.py", "/tmp/macaw-x"])


def test_without_more_knowledge_it_is_this_process_own():
    assert room.typed_command() == ["macaw", "/tmp/macaw-x"]
    room.remember_typed_command([])
    assert room.typed_command() == ["macaw", "/tmp/macaw-x"]


def test_what_the_starting_process_told_goes_first_and_names_the_holder_of_a_lock():
    room.remember_typed_command(("macaw", "train", "--gpus", "2"))
    assert room.typed_command() == ["macaw", "train", "--gpus", "2"]
    assert describe_holder()["command"] == "macaw train --gpus 2"
