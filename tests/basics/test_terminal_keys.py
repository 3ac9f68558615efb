"""Keys pressed while something is drawn are not shown, and not lost."""

import os
import pty
import termios
from types import SimpleNamespace

import pytest

from macaw_cli.basics import terminal_keys
from macaw_cli.basics.terminal_keys import keys_unseen


@pytest.fixture
def terminal(monkeypatch):
    outside, inside = pty.openpty()
    with os.fdopen(inside, "r") as stdin:
        # pytest puts sys.stdin back before the test
        monkeypatch.setattr(terminal_keys, "sys", SimpleNamespace(stdin=stdin))
        yield outside, inside
    os.close(outside)


def echoes(descriptor):
    return bool(termios.tcgetattr(descriptor)[3] & termios.ECHO)


def test_the_echo_is_off_and_then_on_again(terminal):
    outside, inside = terminal
    with keys_unseen():
        assert not echoes(inside)
        os.write(outside, b"typed\n")
    assert echoes(inside)
    assert os.read(inside, 100) == b"typed\n"


def test_it_is_on_again_after_an_interruption(terminal):
    _, inside = terminal
    with pytest.raises(KeyboardInterrupt), keys_unseen():
        raise KeyboardInterrupt
    assert echoes(inside)


def test_a_pipe_is_left_alone():
    with keys_unseen():
        pass
