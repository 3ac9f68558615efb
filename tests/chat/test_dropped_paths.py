"""Files that are dropped into a line of the chat, as terminals write their paths."""

import os

import pytest

from macaw_cli.chat.dropped_paths import dropped_media
from macaw_cli.chat.lines import Ask, Do, read_line


@pytest.fixture
def media(tmp_path):
    for name in ("cat.png", "my cat.png", "it's.png", "rain.wav", "notes.txt"):
        (tmp_path / name).touch()
    return tmp_path


def test_a_path_alone_is_attached_without_a_question(media):
    assert read_line(f"{media}/cat.png") == Ask("", ((f"{media}/cat.png", "image"),))
    assert read_line(f"{media}/my cat.png") == Ask("", ((f"{media}/my cat.png", "image"),))


@pytest.mark.parametrize("written", ["'{0}/my cat.png'", '"{0}/my cat.png"', "{0}/my\\ cat.png"])
@pytest.mark.parametrize("line", ["{} What's this?", "What's this? {}"])
def test_quoted_and_escaped_paths_are_taken_out_of_the_question(media, written, line):
    question, found = dropped_media(line.format(written.format(media)))
    assert found == ((f"{media}/my cat.png", "image"),)
    assert question == "What's this?"


def test_an_apostrophe_in_a_path_is_read_as_the_terminal_wrote_it(media):
    assert dropped_media(f"'{media}/it'\\''s.png'")[1] == ((f"{media}/it's.png", "image"),)


def test_several_files_may_be_dropped_and_punctuation_stays(media):
    question, found = dropped_media(f"What is in {media}/cat.png, and what in '{media}/rain.wav'?")
    assert [modality for _, modality in found] == ["image", "audio"]
    assert question == "What is in, and what in?"


def test_a_file_url_is_a_path(media):
    assert dropped_media(f"file://{media}/my%20cat.png")[1] == ((f"{media}/my cat.png", "image"),)


@pytest.mark.parametrize(
    "line", ["What is cat.png?", "{0}/missing.png?", "{0}/notes.txt!", "and/or?", "10 / 2 is what?", "~"]
)
def test_what_is_no_existing_medium_stays_text(media, monkeypatch, line):
    monkeypatch.chdir(media)
    line = line.format(media)
    assert dropped_media(line) == (line, ())


def test_a_path_at_the_beginning_is_no_command(media, monkeypatch):
    monkeypatch.chdir(media)
    assert read_line(f"{media}/cat.png What?") == Ask("What?", ((f"{media}/cat.png", "image"),))
    assert read_line("./cat.png What?") == Ask("What?", (("./cat.png", "image"),))
    assert read_line("/help") == Do("help")


def test_a_line_of_any_length_is_only_read(media):
    line = "/" + "a" * 100_000 + "\0" + os.sep * 5000
    assert dropped_media(line) == (line, ())
