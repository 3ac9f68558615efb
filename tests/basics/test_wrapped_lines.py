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


def test_what_is_no_terminal_gets_one_line(tmp_path):
    with (tmp_path / "log").open("w") as stream:
        assert at_spaces("word " * 100, stream) == "word " * 100
    assert at_spaces("word " * 100, stream) == "word " * 100  # closed
    assert at_spaces("word " * 100, None) == "word " * 100
