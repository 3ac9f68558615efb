"""Tab completion of commands and paths."""

import pytest

from macaw_cli.chat.completion import completer, completions


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "pictures").mkdir()
    for name in ("cat.png", "car park.png", ".hidden.png", "pictures/dog.png"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_commands_are_completed():
    assert completions("/c") == ["/clear"]
    assert completions("/im") == ["/image "]
    assert completions("What is") == []


def test_paths_are_completed_behind_commands_that_take_one(folder):
    assert completions("/image ca") == ["/image car park.png", "/image cat.png"]
    assert completions("/image pi") == ["/image pictures/"]
    assert completions("/image pictures/") == ["/image pictures/dog.png"]
    assert completions(f"/image {folder}/cat") == [f"/image {folder}/cat.png"]
    assert completions("/clear ca") == []


def test_hidden_files_show_only_when_asked_for(folder):
    assert "/image .hidden.png" not in completions("/image ")
    assert completions("/image .h") == ["/image .hidden.png"]


def test_a_folder_that_does_not_exist_completes_to_nothing(folder):
    assert completions("/image nowhere/x") == []


def test_readline_is_given_one_completion_after_another(folder):
    complete = completer(lambda: "/image ca")
    assert [complete("", state) for state in range(3)] == ["/image car park.png", "/image cat.png", None]


def test_names_that_a_terminal_would_obey_are_not_offered(folder):
    (folder / "cat\x1b[2J.png").touch()
    (folder / "cat\u202egnp.exe").touch()
    assert completions("/image cat") == ["/image cat.png"]
