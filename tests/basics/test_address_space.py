"""A bound on allocations that ends with its last block."""

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread

import pytest

from macaw_cli.basics.address_space import _LIMIT, growth_limited

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the limit")
LARGE = 1 << 30  # more than other tests of the process may give back meanwhile


def soft_limit():
    import resource

    return resource.getrlimit(resource.RLIMIT_AS)[0]


def test_what_asks_for_too_much_fails_and_all_is_as_before_afterwards():
    before = soft_limit()
    with growth_limited(64 << 20):
        assert len(bytearray(1 << 20)) == 1 << 20
        with pytest.raises(MemoryError):
            bytearray(LARGE)
    assert soft_limit() == before and len(bytearray(LARGE)) == LARGE


def test_blocks_of_several_threads_end_in_any_order():
    before, first_is_in, second_is_in, first_is_out = soft_limit(), Barrier(2), Barrier(2), Barrier(2)
    both_run = Barrier(2)  # before the bound: a thread without room for its stack never begins

    def first():
        both_run.wait(10)
        with growth_limited(64 << 20):
            first_is_in.wait(10)
            second_is_in.wait(10)
        first_is_out.wait(10)

    def second():
        both_run.wait(10)
        first_is_in.wait(10)
        with growth_limited(64 << 20):
            second_is_in.wait(10)
            first_is_out.wait(10)
            assert soft_limit() != before

    with ThreadPoolExecutor(2) as threads:
        for work in [threads.submit(first), threads.submit(second)]:
            work.result(timeout=60)
    assert soft_limit() == before


@pytest.mark.parametrize("in_thread", [False, True])
def test_a_block_that_never_told_that_it_ended_is_found_out_by_the_next(in_thread):
    before = soft_limit()
    if in_thread:
        thread = Thread(target=_LIMIT.enter, args=[64 << 20])
        thread.start()
        thread.join()
    else:
        _LIMIT.enter(64 << 20)
    assert soft_limit() != before
    with growth_limited(128 << 20), pytest.raises(MemoryError):
        bytearray(LARGE)
    assert soft_limit() == before
