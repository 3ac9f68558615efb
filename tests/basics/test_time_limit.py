import contextlib
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

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


def in_another_thread(work):
    """What `work` gives or raises there."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(work).result()


def count(until):
    """Work in Python."""
    while time.monotonic() < until:
        pass


def test_other_threads_have_limits_too():
    def work():
        with time_limit(0.05):
            count(time.monotonic() + 30)

    began = time.monotonic()
    with pytest.raises(TimeUp):
        in_another_thread(work)
    assert time.monotonic() - began < 10


def test_in_another_thread_it_is_raised_again_where_it_was_lost():
    def work():
        with time_limit(0.05, again=0.2):
            for _ in range(2):
                with contextlib.suppress(BaseException):
                    count(time.monotonic() + 30)
            count(time.monotonic() + 30)

    began = time.monotonic()
    with pytest.raises(TimeUp):
        in_another_thread(work)
    assert time.monotonic() - began < 10


def test_what_is_quick_in_another_thread_is_left_alone_and_nothing_stays_behind():
    def work():
        for _ in range(200):
            with time_limit(0.5, memory=1 << 40):
                pass
        count(time.monotonic() + 0.7)
        return "done"

    before = threading.active_count()
    assert in_another_thread(work) == "done"
    assert threading.active_count() == before


def test_a_limit_that_ends_with_its_block_never_hits_what_follows():
    def work():
        stopped = 0
        for number in range(60):
            try:
                with time_limit(0.005, again=5):
                    count(time.monotonic() + 0.004 + number % 3 / 1000)
            except TimeUp:
                stopped += 1
        count(time.monotonic() + 0.05)
        return stopped

    assert 0 <= in_another_thread(work) <= 60


GROWING = """
import sys, threading
from macaw_cli.basics.time_limit import time_limit

def work():
    text = "ab"
    try:
        with time_limit(60, memory=100 << 20):
            while len(text) < 4 << 30:
                text += text
                sum(range(1_000_000))  # takes a while
    except MemoryError:
        print(len(text) < 3 << 30)

if "thread" in sys.argv:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
else:
    work()
"""


@pytest.mark.parametrize("where", ["thread", "main"])
def test_a_block_that_takes_more_and_more_memory_is_stopped(where):
    ended = subprocess.run([sys.executable, "-c", GROWING, where], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("True\n", "")


@pytest.mark.parametrize("where", ["main thread", "another thread"])
def test_a_block_that_waits_for_a_busy_machine_is_not_given_up_and_one_that_computes_is(where):
    told = []

    def work():
        with time_limit(0.3, memory=2**40, computing=True):
            time.sleep(0.8)  # as long as others have the processor
        told.append("waited")
        with pytest.raises(TimeUp), time_limit(0.3, memory=2**40, computing=True):
            while True:
                sum(range(1000))
        told.append("given up")

    if where == "main thread":
        work()
    else:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert told == ["waited", "given up"]
