"""Long lines in a terminal of a given width."""

import fcntl
import os
import pty
import struct
import termios
from contextlib import contextmanager

import pytest

from macaw_cli.basics import console
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.wrapped_lines import at_spaces

PATH = "/data/a-rather-long-folder/with-another-in-it/and-the-third-one/missing.png"


@contextmanager
def terminal(columns):
    """What is written to it, and a stream that writes to it."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    try:
        with os.fdopen(slave, "w") as stream:
            yield master, stream
    finally:
        os.close(master)


@pytest.mark.parametrize("columns", [50, 80])
def test_an_error_with_a_long_path_and_a_remedy_breaks_at_spaces_only(columns, monkeypatch):
    problem = f"The image {PATH} cannot be read: this file is no image, or it is damaged near its beginning."
    hint = "Check the path, or convert the file with another program; /help lists the commands of the conversation."
    with terminal(columns) as (master, stream):
        monkeypatch.setattr("sys.stderr", stream)
        console.tell_error(InputError(problem, hint))
        lines = os.read(master, 4096).decode().splitlines()
    first_of_hint = next(number for number, line in enumerate(lines) if line.startswith("  Check"))
    assert " ".join(lines[:first_of_hint]) == f"Error: {problem}"
    assert " ".join(line.removeprefix("  ") for line in lines[first_of_hint:]) == hint
    assert all(line.startswith("  ") for line in lines[first_of_hint:])
    assert all(len(line) <= columns for line in lines if PATH not in line)


@pytest.mark.parametrize(
    ("text", "wrapped"),
    [
        ("a line of ten", ["a line of", "ten"]),
        ("0123456789", ["0123456789"]),
        ("0123456789 1", ["0123456789", "1"]),
        ("01234567890123 56789 1", ["01234567890123 56789", "1"]),  # the terminal breaks the word behind the tenth
        ("日本語 日本", ["日本語", "日本"]),  # two columns each
        ("日本 日本", ["日本 日本"]),
        ("   Title:   text", ["   Title:", "text"]),
        ("", [""]),
    ],
)
def test_lines_are_filled_by_columns(text, wrapped):
    with terminal(10) as (_, stream):
        assert at_spaces(text, stream).split("\n") == wrapped


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ('pip install "macaw-cli[qlora]", or add --set training.adapter=lora.',
         ['pip install "macaw-cli[qlora]"', "--set training.adapter=lora."]),
        ("In a clone: pip install -c constraints.txt '.[hf]' does it", ["pip install -c constraints.txt '.[hf]'"]),
        ("Then use `macaw export --format hf run` on it", ["`macaw export --format hf run`"]),
        ("The file 'my own pictures/of a bird.png' is there", ["'my own pictures/of a bird.png'"]),
        ('The file "my own pictures/of a bird.png", that is', ['"my own pictures/of a bird.png"']),
        ("Exported to out. Next: macaw chat 'my folder/out' --device cpu",
         ["Next: macaw chat 'my folder/out' --device cpu"]),
        ("It goes on with macaw train --resume after that", ["macaw train --resume"]),
        ("the runs' figures and the models' own names are shown", []),
    ],
)  # fmt: skip
def test_commands_and_quoted_text_stay_whole(text, whole):
    with terminal(20) as (_, stream):
        wrapped = at_spaces(text, stream).split("\n")
    assert " ".join(wrapped) == text
    assert all(any(part in line for line in wrapped) for part in whole)
    assert all(len(line) <= 20 for line in wrapped if not any(part in line for part in whole))


def test_a_hint_that_begins_with_a_long_word_begins_in_its_first_line():
    with terminal(10) as (_, stream):
        assert at_spaces("  0123456789abc it is", stream, indent="  ").split("\n") == ["  0123456789abc it", "  is"]


def test_what_is_no_terminal_gets_one_line(tmp_path):
    with (tmp_path / "log").open("w") as stream:
        assert at_spaces("word " * 100, stream) == "word " * 100
    assert at_spaces("word " * 100, stream) == "word " * 100  # closed
    assert at_spaces("word " * 100, None) == "word " * 100
