"""Completion of commands, settings and paths, as the line editor asks for it."""

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from macaw_cli.chat.changes import CHANGEABLE
from macaw_cli.chat.completion import ChatCompleter, offers


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "pictures").mkdir()
    for name in ("cat.png", "car park.png", "care.wav", ".hidden.png", "pictures/dog.png"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def completed(line, *, tab=True):
    """What the line becomes with each completion."""
    event = CompleteEvent(completion_requested=tab, text_inserted=not tab)
    found = ChatCompleter(CHANGEABLE).get_completions(Document(line), event)
    return [line[: len(line) + one.start_position] + one.text for one in found]


def test_commands_are_completed_and_show_their_help():
    assert completed("/re") == ["/regenerate", "/reset"]
    assert completed("/im", tab=False) == ["/image "]
    assert completed("What is") == []
    assert [offer.text for offer in offers("/im", modalities=["imu"])] == ["/image ", "/imu "]
    assert "without any media" in next(offer.told for offer in offers("/blind"))


def test_paths_are_completed_behind_commands_that_take_one(folder):
    assert completed("/image cat") == ["/image cat.png"]
    assert completed("/image pi") == ["/image pictures/"]
    assert completed("/image pictures/") == ["/image pictures/dog.png"]
    assert completed(f"/swap {folder}/cat") == [f"/swap {folder}/cat.png"]
    assert completed("/load ca") == ["/load car park.png", "/load care.wav", "/load cat.png"]
    assert completed("/blind ca") == completed("/nothing ca") == []


def test_files_of_the_wanted_modality_come_first(folder):
    assert completed("/audio ca") == ["/audio care.wav", "/audio car park.png", "/audio cat.png"]


def test_settings_are_completed():
    assert completed("/set te") == ["/set temperature "]
    assert completed("/set seed 3") == []


def test_a_path_in_a_question_is_completed_by_tab_alone_and_escaped(folder):
    assert completed("What is in ./car\\ ") == ["What is in ./car\\ park.png"]
    assert completed(f"{folder}/ca") == [f"{folder}/car\\ park.png", f"{folder}/care.wav", f"{folder}/cat.png"]
    assert completed("What is in ./car", tab=False) == []
    assert completed("What is in ca") == []


def test_hidden_files_show_only_when_asked_for(folder):
    assert "/image .hidden.png" not in completed("/image ")
    assert completed("/image .h") == ["/image .hidden.png"]


@pytest.mark.parametrize("start", ["nowhere/x", "~nobody-of-this-name/x", "\0", "cat.png/"])
def test_a_folder_that_cannot_be_read_completes_to_nothing(folder, start):
    assert completed(f"/image {start}") == []


def test_names_that_a_terminal_would_obey_are_not_offered(folder):
    (folder / "cat\x1b[2J.png").touch()
    (folder / "cat\u202egnp.exe").touch()
    (folder / "cat\udce9.png").touch()
    assert completed("/image cat") == ["/image cat.png"]
