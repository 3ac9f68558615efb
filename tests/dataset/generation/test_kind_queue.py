"""Quotas are exact and do not depend on the order in which replies come."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macaw_cli.dataset.generation.answered import Answered
from macaw_cli.dataset.generation.collecting import Collector
from macaw_cli.dataset.generation.kind_queue import MOST_ROUNDS, KindQueue
from macaw_cli.dataset.generation.kinds.registry import KINDS
from macaw_cli.dataset.generation.pair import Pair
from macaw_cli.dataset.generation.reply import Outcome, ParsedReply
from macaw_cli.dataset.generation.request import Request
from tests.dataset.generation.conftest import item

ITEMS = 12


def answered(kind: str, number: int) -> tuple[Request, Answered]:
    """What comes of a request: between no pair and four, always the same."""
    drawn = random.Random(f"{kind}/{number}")
    pairs = [
        Pair(f"{kind} {number} {place}?", drawn.choice(["Yes, there is.", "No, there is none."]))
        for place in range(drawn.randrange(5))
    ]
    request = Request(item(number % ITEMS), KINDS[kind], 4, number // ITEMS, [], f"{kind}{number}")
    return request, Answered(ParsedReply(Outcome.OK if pairs else Outcome.NOT_JSON, pairs, reason="none"))


def simulated(wanted: dict[str, int | None], choose: Callable[[int], int]) -> tuple[list[dict[str, Any]], list[int]]:
    """Rows that are kept, and the number of requests of each kind, when replies come in an order of `choose`."""
    queues = [KindQueue(KINDS[name], 4, quota, ITEMS) for name, quota in wanted.items()]
    kept: list[dict[str, Any]] = []
    collector = Collector(queues, kept.append, lambda row: None, lambda row: "")
    under_way: list[tuple[KindQueue, int]] = []
    while True:
        while len(under_way) < 6 and (queue := next((one for one in queues if one.wants_request()), None)):
            under_way.append((queue, queue.issued))
            queue.issued += 1
        if not under_way:
            break
        queue, number = under_way.pop(choose(len(under_way)))
        queue.answers[number] = answered(queue.kind.name, number)
        collector.advance()
    collector.advance(ended=True)
    return kept, [queue.processed for queue in queues]


WANTED: dict[str, int | None] = {"question-answer": 17, "yes-no": 9, "description": None}


@settings(max_examples=40)
@given(st.integers())
def test_the_same_examples_whatever_the_order_of_replies(seed: int) -> None:
    drawn = random.Random(seed)
    rows, _ = simulated(WANTED, drawn.randrange)
    in_order, _ = simulated(WANTED, lambda count: 0)
    assert rows == in_order


def test_each_quota_is_met_exactly_and_sides_share_it() -> None:
    rows, _ = simulated(WANTED, lambda count: 0)
    kinds = [row["kind"] for row in rows]
    assert kinds.count("question-answer") == 17
    answers = [row["messages"][1]["content"][:2] for row in rows if row["kind"] == "yes-no"]
    assert (answers.count("Ye"), answers.count("No")) == (5, 4)


def test_not_many_more_requests_are_made_than_are_needed() -> None:
    _, processed = simulated({"question-answer": 17}, lambda count: 0)
    queue = KindQueue(KINDS["question-answer"], 4, 17, ITEMS)
    assert processed[0] <= queue.total // 3


def test_a_quota_that_the_items_cannot_fill_ends_after_all_rounds() -> None:
    rows, processed = simulated({"question-answer": 10_000}, lambda count: 0)
    assert processed == [ITEMS * MOST_ROUNDS]
    assert 0 < len(rows) < 10_000


@pytest.mark.parametrize(("quota", "shares"), [(1, (1, 0)), (2, (1, 1)), (5, (3, 2))])
def test_a_quota_is_divided_among_sides(quota: int, shares: tuple[int, int]) -> None:
    queue = KindQueue(KINDS["yes-no"], 4, quota, ITEMS)
    assert (queue.share("yes"), queue.share("no")) == shares
