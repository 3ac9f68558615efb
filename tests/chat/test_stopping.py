"""Ctrl-C while an answer is generated."""

import os
import signal
import threading

import pytest

from macaw_cli.chat.stopping import stoppable


def press():
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_press_is_told_and_the_second_is_raised():
    with pytest.raises(KeyboardInterrupt), stoppable(lambda: True) as is_stopped:
        assert not is_stopped()
        press()
        assert is_stopped()
        press()


def test_before_anything_was_said_it_is_raised_at_once():
    with pytest.raises(KeyboardInterrupt), stoppable(lambda: False):
        press()


def test_afterwards_ctrl_c_is_what_it_was():
    before = signal.getsignal(signal.SIGINT)
    with stoppable(lambda: True):
        assert signal.getsignal(signal.SIGINT) is not before
    with stoppable(lambda: True, wanted=False):
        assert signal.getsignal(signal.SIGINT) is before
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_nothing_is_changed():
    found = []

    def look():
        with stoppable(lambda: True) as is_stopped:
            found.append((is_stopped(), signal.getsignal(signal.SIGINT)))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [(False, before)]
