"""SIGINT and SIGTERM are noted once, and the handlers from before come back."""

import os
import signal

import pytest

from macaw_cli.training.steps.stop_signals import exit_code, stop_on_signals


def test_a_signal_is_noted_and_the_old_handler_comes_back():
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals() as stop:
        assert stop.received is None
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.received == signal.SIGTERM
        stop.adopt(signal.SIGINT)
        assert stop.received == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_second_sigint_stops_at_once():
    with stop_on_signals(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)


def test_exit_codes_are_those_of_a_shell():
    assert (exit_code(signal.SIGINT), exit_code(signal.SIGTERM)) == (130, 143)
