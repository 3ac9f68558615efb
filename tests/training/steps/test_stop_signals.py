"""SIGINT and SIGTERM are noted once, and the handlers from before come back."""

import os
import signal
import threading
import time

import pytest
import torch

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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_told_once_and_while_the_main_thread_computes(number, capfd):
    numbers = torch.ones(1500, 1500)
    with stop_on_signals():
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        torch.linalg.inv(numbers + torch.eye(1500))  # no handler of Python runs in here
        while not (told := capfd.readouterr().err):
            time.sleep(0.01)
        signal.raise_signal(signal.SIGTERM)
    assert "Stopping" in told and "Ctrl-C" in told
    assert capfd.readouterr().err == ""


def test_the_wakeup_descriptor_from_before_comes_back():
    with stop_on_signals():
        pass
    assert signal.set_wakeup_fd(-1) == -1


def test_exit_codes_are_those_of_a_shell():
    assert (exit_code(signal.SIGINT), exit_code(signal.SIGTERM)) == (130, 143)
