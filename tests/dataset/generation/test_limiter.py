"""How many requests may be under way, on a clock of the test's own."""

import asyncio

import pytest

from macaw_cli.dataset.generation.limiter import DECREASE, AdaptiveLimit


class Clock:
    """Seconds that pass when told."""

    now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_a_429_lowers_the_limit_once_for_all_requests_that_were_under_way() -> None:
    clock = Clock()
    limit = AdaptiveLimit(64, clock)

    async def burst() -> None:
        entered = [await limit.enter() for _ in range(64)]
        clock.now += 1
        for moment in entered:
            limit.too_many(moment)
            limit.leave()

    asyncio.run(burst())
    assert limit.limit == 64 * DECREASE


def test_after_a_burst_the_limit_returns_within_a_few_round_trips() -> None:
    clock = Clock()
    limit = AdaptiveLimit(64, clock)
    for _ in range(12):  # three seconds of nothing but 429
        clock.now += 0.25
        limit.too_many(clock.now)
    assert limit.limit < 4
    round_trips = 0
    while limit.limit < 55 and round_trips < 100:
        round_trips += 1
        for _ in range(int(limit.limit)):
            limit.replied()
    assert round_trips <= 6
    while limit.limit < 64 and round_trips < 100:
        round_trips += 1
        for _ in range(int(limit.limit)):
            limit.replied()
    assert round_trips <= 16  # the rest is added slowly, one at a time


def test_no_more_are_under_way_than_the_limit_allows() -> None:
    limit = AdaptiveLimit(3)
    most = 0

    async def one() -> None:
        nonlocal most
        await limit.enter()
        most = max(most, limit.under_way)
        await asyncio.sleep(0)
        limit.leave()

    async def many() -> None:
        await asyncio.gather(*(one() for _ in range(50)))

    asyncio.run(many())
    assert most == 3
    assert limit.under_way == 0


def test_retry_after_holds_everything_back() -> None:
    async def times() -> float:
        loop = asyncio.get_running_loop()
        limit = AdaptiveLimit(4)
        entered = await limit.enter()
        begun = loop.time()
        limit.too_many(entered, 0.3)
        limit.leave()
        await asyncio.wait_for(limit.enter(), 5)
        return loop.time() - begun

    assert asyncio.run(times()) == pytest.approx(0.3, abs=0.2)


def test_whoever_is_cancelled_while_waiting_leaves_no_trace() -> None:
    async def cancelled() -> AdaptiveLimit:
        limit = AdaptiveLimit(1)
        await limit.enter()
        waiting = asyncio.create_task(limit.enter())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
        limit.leave()
        await asyncio.wait_for(limit.enter(), 1)
        return limit

    assert asyncio.run(cancelled()).under_way == 1
