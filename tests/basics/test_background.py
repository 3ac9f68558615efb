import signal
import threading
import time
from concurrent.futures import CancelledError, Future

import pytest

from macaw_cli.basics.background import Ahead, Background, abandonable, require_going_on, result_of, waits_until


def test_results_come_in_order_and_only_so_many_ahead():
    begun = []

    def numbers():
        for number in range(20):
            begun.append(number)
            yield number

    with Ahead(numbers(), 2) as results:
        assert next(results) == 0
        time.sleep(0.1)
        assert len(begun) <= 5
        assert list(results) == list(range(1, 20))


def test_a_failure_ahead_is_raised_where_the_results_are_asked_for():
    def broken():
        yield 1
        raise KeyError("here")

    with Ahead(broken(), 3) as results:
        assert next(results) == 1
        with pytest.raises(KeyError, match="here"):
            next(results)


def test_leaving_early_ends_the_thread():
    def endless():
        while True:
            yield 1

    with Ahead(endless(), 1) as results:
        next(results)
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]


def test_tasks_run_in_order_in_another_thread_and_all_are_done_at_the_end():
    done = []
    with Background(2) as background:
        for number in range(10):
            background.submit(lambda number=number: done.append((number, threading.current_thread().name)))
    assert done == [(number, "background") for number in range(10)]


def test_a_failed_task_is_raised_and_nothing_after_it_runs():
    done = []

    def fail():
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"), Background(1) as background:
        background.submit(fail)
        while True:
            background.submit(lambda: done.append(1))
    assert done == []


def test_a_failure_of_the_last_task_is_raised_at_the_end():
    def fail():
        time.sleep(0.05)
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"), Background(1) as background:
        background.submit(fail)


def test_leaving_with_an_error_drops_what_was_not_begun():
    done, gate = [], threading.Event()
    with pytest.raises(ValueError, match="mine"), Background(5) as background:
        background.submit(gate.wait)
        background.submit(lambda: done.append(1))
        threading.Timer(0.1, gate.set).start()
        raise ValueError("mine")
    assert done == []


def test_leaving_ends_what_is_long_at_work_on_one_result():
    stopping = threading.Event()

    def fruitless():
        while True:
            require_going_on(stopping.is_set)
            time.sleep(0.01)
            yield from ()

    with pytest.raises(OSError, match="disk"), Ahead(fruitless(), 1, stopping):
        raise OSError("disk")
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]


def test_pressing_ctrl_c_again_does_not_leave_the_thread_behind():
    gate, inside, ended = threading.Event(), threading.Event(), []

    def slow():
        inside.set()
        gate.wait(10)
        ended.append(1)
        yield 1

    def press_again_and_again():
        for _ in range(3):
            time.sleep(0.1)
            signal.raise_signal(signal.SIGINT)
        time.sleep(0.1)
        gate.set()

    with pytest.raises(KeyboardInterrupt), Ahead(slow(), 1):
        inside.wait(10)
        threading.Thread(target=press_again_and_again).start()
        raise KeyboardInterrupt
    assert ended == [1]


def test_a_future_is_waited_for_only_until_the_work_is_to_stop():
    asked = []

    def after_a_while():
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(CancelledError):
        result_of(Future(), after_a_while)
    done = Future()
    done.set_result("it")
    assert result_of(done, lambda: True) == "it"


def test_a_call_that_never_ends_is_left_alone_once_its_thread_is_to_stop():
    stop, begun, over = threading.Event(), threading.Event(), threading.Event()

    def stalled():
        begun.set()
        over.wait(60)

    def fetched():
        waits_until(stop.is_set)
        with pytest.raises(CancelledError):
            abandonable(stalled)

    thread = threading.Thread(target=fetched)
    thread.start()
    assert begun.wait(10)
    stop.set()
    thread.join(10)
    ended = not thread.is_alive()
    over.set()
    assert ended


def test_leaving_what_runs_ahead_leaves_its_stalled_call_alone():
    begun, over = threading.Event(), threading.Event()

    def results():
        begun.set()
        yield abandonable(lambda: over.wait(60))

    with Ahead(results(), 1):
        assert begun.wait(10)
        began = time.monotonic()
    took = time.monotonic() - began
    over.set()
    assert took < 10


def test_a_call_in_a_thread_that_may_stop_gives_its_result_and_its_error():
    def failing():
        raise KeyError("here")

    def results():
        yield abandonable(lambda: 1)
        yield abandonable(failing)

    with Ahead(results(), 1) as found:
        assert next(found) == 1
        with pytest.raises(KeyError, match="here"):
            next(found)


def test_where_nothing_stops_the_thread_a_call_is_made_in_it():
    assert abandonable(threading.current_thread) is threading.current_thread()
