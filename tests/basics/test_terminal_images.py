"""Images are shown in terminals that say they can, in their own protocol, and nowhere else."""

import base64
import re

import pytest

from macaw_cli.basics.terminal_images import image_protocol, image_sequence, protocol_of


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-ghostty", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "230400"}, "kitty"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "210000"}, None),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm2"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, None),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "dumb", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "screen-256color", "STY": "1", "TERM_PROGRAM": "iTerm.app"}, None),
        ({}, None),
    ],
)
def test_the_environment_tells_the_protocol(environment, protocol):
    assert protocol_of(environment) == protocol


def test_a_pipe_shows_none(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-kitty")
    assert image_protocol() is None  # pytest's standard output is no terminal


def test_kittys_protocol_sends_chunks_of_at_most_4096_bytes():
    png = bytes(range(256)) * 40
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", image_sequence(png, "kitty"))
    assert parts[0][0] == "a=T,f=100,q=2,m=1"
    assert [control for control, _ in parts[1:]] == ["m=1"] * (len(parts) - 2) + ["m=0"]
    assert max(len(data) for _, data in parts) <= 4096
    assert base64.b64decode("".join(data for _, data in parts)) == png


def test_iterm2s_protocol_tells_the_size():
    found = re.fullmatch(r"\x1b\]1337;File=inline=1;size=(\d+):([^\x07]*)\x07", image_sequence(b"png", "iterm2"))
    assert (int(found[1]), base64.b64decode(found[2])) == (3, b"png")
