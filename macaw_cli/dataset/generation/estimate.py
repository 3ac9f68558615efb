"""What a generation will take before the first call: requests, tokens, US dollars, seconds."""

import math
from dataclasses import dataclass

from macaw_cli.dataset.generation.generator import Generator
from macaw_cli.dataset.generation.kind_queue import MOST_ROUNDS, KindQueue
from macaw_cli.dataset.generation.ledger import Ledger

SAMPLED_PROMPTS = 500
"""Prompts of each kind that are tokenised, evenly spread over the items."""
LOOKED_UP = 20_000
"""Requests of each kind that are looked up in the ledger for a plan."""
_GUESSED, _MEASURED = (0.5, 1.8), (0.9, 1.15)
"""Low and high share of the likely tokens of a reply: assumed, and after replies were seen."""
ENOUGH_REPLIES = 20
"""Replies of a kind after which its tokens count as measured."""
_USABLE = 0.9
"""Assumed share of the pairs that are accepted."""
SECONDS_OF_REPLY = 0.015
"""Assumed seconds for each token of a reply, where no reply has been timed."""


@dataclass(frozen=True, slots=True)
class KindEstimate:
    """Estimate for one kind."""

    name: str
    requests: int
    prompt_tokens: float
    completion_tokens: float
    low: float
    likely: float
    high: float
    """US dollars."""
    measured: int
    """Replies that the estimate rests on."""
    can_fill: bool
    """Whether the items can be expected to give as many examples as are wanted."""


def estimates(generator: Generator) -> list[KindEstimate]:
    """One estimate for each kind that is wanted; the generator's expectation knows earlier replies."""
    return [_of(queue, generator) for queue in generator.queues]


def _of(queue: KindQueue, generator: Generator) -> KindEstimate:
    expectation, name = generator.expectation, queue.kind.name
    if queue.quota is None:
        requests, can_fill = queue.total, True
    else:
        examples = 1 if queue.kind.multi_turn else queue.pairs
        wanted = math.ceil(queue.quota / (examples * _USABLE))
        requests, can_fill = min(wanted, queue.total), wanted <= queue.items * MOST_ROUNDS
    span = min(queue.items, max(requests, 1))
    step = max(1, span // SAMPLED_PROMPTS)
    counted = [
        generator.counted_tokens(queue, number)
        for number in range(0, span, step)
    ]
    prompt = requests * sum(counted) / len(counted) * expectation.prompt_ratio(name)
    completion = requests * expectation.completion_tokens(name)
    measured = expectation.replies_seen(name)
    low, high = _MEASURED if measured >= ENOUGH_REPLIES else _GUESSED
    most = float(requests * generator.sampling.max_new_tokens)
    price = expectation.price
    return KindEstimate(
        name=name, requests=requests, prompt_tokens=prompt, completion_tokens=completion,
        low=price.cost(prompt * min(1.0, 1.1 * low), completion * low),
        likely=price.cost(prompt, completion),
        high=price.cost(prompt * min(1.2, high), min(completion * high, most)),
        measured=measured, can_fill=can_fill,
    )  # fmt: skip


def seconds_needed(generator: Generator, kinds: list[KindEstimate], seconds_of_reply: float | None) -> float:
    """How long the requests take at full concurrency, within the rate limits that are set.

    Args:
        generator: what is asked.
        kinds: the estimates.
        seconds_of_reply: mean seconds of earlier replies; None where there is none.
    """
    settings = generator.settings
    requests = sum(kind.requests for kind in kinds)
    if not requests:
        return 0.0
    tokens = sum(kind.prompt_tokens + kind.completion_tokens for kind in kinds)
    if seconds_of_reply is None:
        seconds_of_reply = max(0.5, SECONDS_OF_REPLY * sum(kind.completion_tokens for kind in kinds) / requests)
    limits = [
        seconds_of_reply * max(1.0, requests / settings.concurrency),
        60 * requests / settings.requests_per_minute if settings.requests_per_minute else 0.0,
        60 * tokens / settings.tokens_per_minute if settings.tokens_per_minute else 0.0,
    ]
    return max(limits)


def answered_requests(generator: Generator, ledger: Ledger) -> int:
    """How many of the expected requests the ledger answers; media are not read for that, and count as not answered."""
    if generator.media is not None:
        return 0
    requests = (
        generator.request_at(queue, number)
        for queue, kind in zip(generator.queues, estimates(generator), strict=True)
        for number in range(min(kind.requests, LOOKED_UP))
    )
    return sum(ledger.reply(request.hash) is not None for request in requests)
