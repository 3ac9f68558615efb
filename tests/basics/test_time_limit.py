import contextlib
import signal
import threading
import time

import pytest

from macaw_cli.basics.time_limit import TimeUp, time_limit


def test_what_takes_too_long_is_given_up_and_the_alarm_is_off_afterwards():
    before = signal.getsignal(signal.SIGALRM)
    began = time.monotonic()
    with pytest.raises(TimeUp), time_limit(0.05):
        time.sleep(30)
    assert time.monotonic() - began < 10
    assert signal.getsignal(signal.SIGALRM) == before and signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_no_handler_of_exceptions_keeps_the_block_going():
    began = time.monotonic()
    with pytest.raises(TimeUp), time_limit(0.05):
        try:
            time.sleep(30)
        except Exception:
            time.sleep(30)
    assert time.monotonic() - began < 10


def test_it_is_raised_again_where_it_was_lost():
    began = time.monotonic()
    with pytest.raises(TimeUp), time_limit(0.05, again=0.05):
        for _ in range(3):
            with contextlib.suppress(BaseException):  # as in a callback from C code
                time.sleep(30)
        time.sleep(30)
    assert time.monotonic() - began < 10
    time.sleep(0.1)  # an alarm that is still on would end the test


def test_what_is_quick_is_left_alone():
    with time_limit(0.05):
        pass
    time.sleep(0.1)  # an alarm that is still on would end the test


def test_outside_the_main_thread_there_is_no_limit():
    done = []

    def work():
        with time_limit(0.01):
            time.sleep(0.05)
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
