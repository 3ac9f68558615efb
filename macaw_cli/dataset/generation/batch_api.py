"""The OpenAI Batch API: requests go up as files, replies come back within a day at half the price.

`submit` uploads what is not in the ledger and not under way; `collect` fetches what is ready. The replies go into the
same ledger as all others, from which an ordinary generation then takes them.
"""

import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from macaw_cli.basics.console import progress, say
from macaw_cli.basics.errors import InputError, Passing, ResourceError
from macaw_cli.basics.shown_text import cut
from macaw_cli.dataset.generation.batch_ledger import BatchLedger, BatchRequest, jsonl_parts, request_line
from macaw_cli.dataset.generation.batch_results import DISCOUNT, masked, take_results
from macaw_cli.dataset.generation.endpoint import require_key
from macaw_cli.dataset.generation.estimate import estimates
from macaw_cli.dataset.generation.generator import Generator
from macaw_cli.dataset.generation.ledger import Ledger
from macaw_cli.dataset.generation.presentation import dollars
from macaw_cli.dataset.generation.request import SCHEMA, Request, UnreadableMedia
from macaw_cli.dataset.generation.token_counts import without_media

MOST_REQUESTS, MOST_BYTES = 50_000, 190_000_000
"""Of one file: the API's limits are 50,000 requests and 200 MB."""
_WINDOW = "24h"
_AGAIN = "Run the same command again."
MOST_TOLD = 3
"""Errors of a batch that are told."""
_OVER = ("completed", "expired", "cancelled", "failed")
_TOKEN = "macaw"
"""Key of a batch's metadata."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """What was uploaded."""

    batches: int
    requests: int
    bound: float
    """What it costs at most, in US dollars."""


def submit(generator: Generator, ledger: Ledger) -> Submitted:
    """Upload every request that is expected to be needed and is neither answered nor under way.

    Args:
        generator: what is asked.
        ledger: of the generation's folder.

    Raises:
        UsageError: the API key is missing.
        InputError: the API refuses the files or batches.
        ResourceError: `generation.max_cost` is too small for them.
    """
    generator.expectation.learn_from(ledger)
    batches = BatchLedger(ledger)
    client = _client(generator)
    requests = list(
        itertools.islice(_open_requests(generator, ledger, batches.pending()), generator.settings.max_requests)
    )
    bounds = [DISCOUNT * generator.expectation.of(one.kind.name, one.messages).bound for one in requests]
    _require_money(generator, ledger, sum(bounds))
    lines = ((number, request_line(one.hash, _body(generator, one))) for number, one in enumerate(requests))
    count = 0
    with progress("Uploading requests", len(requests), "requests") as advance:
        for part in jsonl_parts(lines, MOST_REQUESTS, MOST_BYTES):
            token = secrets.token_hex(8)
            batches.begin(token, [(_kept(requests[number], generator), bounds[number]) for number, _ in part])
            content = "".join(f"{line}\n" for _, line in part).encode()
            batches.created(token, _created(client, token, content, generator))
            advance(len(part))
            count += 1
    return Submitted(count, len(requests), sum(bounds))


def collect(generator: Generator, ledger: Ledger) -> int:
    """Write the replies of every batch that is over into the ledger.

    Returns:
        How many batches are still under way.

    Raises:
        UsageError: the API key is missing.
        InputError: the API does not answer.
    """
    batches, client, waiting = BatchLedger(ledger), _client(generator), 0
    for token, name, requests in batches.open():
        batch = _found(client, token, name, generator)
        if batch is None:
            say(f"A batch of {requests:,} requests was never created by the API. They will be submitted again.")
            batches.forget(token)
            continue
        batches.created(token, batch.id)
        if batch.status not in _OVER:
            done = batch.request_counts.completed if batch.request_counts else 0
            say(f"The batch {batch.id} is {batch.status}: {done:,} of {requests:,} requests are answered.")
            waiting += 1
            continue
        answered = take_results(client, batch, generator, ledger, batches)
        batches.collected(token)
        say(f"The batch {batch.id} is {batch.status}: {answered:,} of {requests:,} requests were answered.")
        for error in (batch.errors.data or [] if batch.errors else [])[:MOST_TOLD]:
            say(f"The API says of it: {cut(masked(str(error.message), generator), 300)}")
    return waiting


def _open_requests(generator: Generator, ledger: Ledger, pending: set[str]) -> Iterator[Request]:
    for queue, estimate in zip(generator.queues, estimates(generator), strict=True):
        for number in range(estimate.requests):
            try:
                request = generator.request_at(queue, number)
            except UnreadableMedia as error:
                say(f"{error.request.item.id} is left out: {error.reason}")
                continue
            if request.hash not in pending and ledger.reply(request.hash) is None:
                yield request


def _require_money(generator: Generator, ledger: Ledger, bound: float) -> None:
    spent, most = ledger.spent(), generator.settings.max_cost
    if most is not None and spent.at_most + bound > most:
        raise ResourceError(
            f"The requests cost up to {dollars(bound)}, and of {dollars(most)} (--max-cost) {dollars(spent.cost)} is"
            f" spent and {dollars(spent.unanswered_cost)} is under way or may be.",
            "Raise --max-cost, or ask for fewer examples.",
        )


def _body(generator: Generator, request: Request) -> dict[str, object]:
    return {**generator.sampling.parameters, "messages": request.messages, "response_format": SCHEMA}


def _kept(request: Request, generator: Generator) -> BatchRequest:
    return BatchRequest(
        request.hash, generator.sampling.model, request.kind.name, request.item.id, without_media(request.messages),
        generator.expectation.count_prompt(request.messages), request.pairs,
    )  # fmt: skip


def _client(generator: Generator) -> Any:
    from openai import OpenAI

    settings = generator.settings
    key = require_key(settings) or "none"
    # a client that tries again by itself could create a batch twice
    return OpenAI(base_url=settings.endpoint, api_key=key, timeout=settings.timeout_s, max_retries=0)


def _created(client: Any, token: str, content: bytes, generator: Generator) -> str:
    import openai

    try:
        file = client.files.create(file=(f"macaw-{token}.jsonl", content), purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window=_WINDOW, metadata={_TOKEN: token}
        )
        return str(batch.id)
    except openai.APIStatusError as error:
        told = cut(masked(error.message, generator), 300)
        if error.status_code in (404, 405):
            problem = f"The API has no Batch API ({error.status_code}): {told}."
            raise InputError(problem, "Leave --batch-api out.") from None
        kind = Passing if error.status_code >= 500 else InputError
        raise kind(f"The API refuses the batch ({error.status_code}): {told}.", _AGAIN) from None
    except (openai.APIError, AttributeError) as error:  # no answer, or one that is no object of the API
        told = cut(masked(str(error), generator), 200)
        raise Passing(f"The API does not answer as a Batch API does: {told}.", _AGAIN) from None


def _found(client: Any, token: str, name: str, generator: Generator) -> Any:
    """The batch as the API knows it; None when it was never created, or the API does not know it any more."""
    import openai

    try:
        if name:
            return client.batches.retrieve(name)
        return next((one for one in client.batches.list() if (one.metadata or {}).get(_TOKEN) == token), None)
    except openai.NotFoundError:
        return None
    except (openai.APIError, AttributeError) as error:
        told = cut(masked(str(error), generator), 200)
        raise Passing(f"The API does not tell of batches: {told}.", "Run the same command again later.") from None
