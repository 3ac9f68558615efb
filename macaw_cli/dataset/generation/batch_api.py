"""The OpenAI Batch API: requests go up as files, replies come back within a day at half the price.

`submit` uploads what is not in the ledger and not under way; `collect` fetches what is ready. The replies go into the
same ledger as all others, from which an ordinary generation then takes them.
"""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from macaw_cli.basics.console import progress, say
from macaw_cli.basics.errors import InputError, Passing, ResourceError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.shown_text import cut
from macaw_cli.dataset.generation.batch_ledger import BatchLedger, BatchRequest, jsonl_parts, request_line
from macaw_cli.dataset.generation.endpoint import raw_reply, require_key
from macaw_cli.dataset.generation.estimate import estimates
from macaw_cli.dataset.generation.generator import Generator, learn_from_ledger
from macaw_cli.dataset.generation.ledger import Ledger, Reply
from macaw_cli.dataset.generation.request import SCHEMA, Request
from macaw_cli.dataset.generation.token_counts import without_media

MOST_REQUESTS, MOST_BYTES = 50_000, 190_000_000
"""Of one file: the API's limits are 50,000 requests and 200 MB."""
DISCOUNT = 0.5
"""Share of the price that the Batch API charges."""
_WINDOW = "24h"
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
    learn_from_ledger(generator, ledger)
    batches = BatchLedger(ledger)
    client = _client(generator)
    requests = list(_open_requests(generator, ledger, batches.pending()))
    bounds = [DISCOUNT * generator.expectation.of(one.kind.name, one.messages).bound for one in requests]
    _require_money(generator, ledger, sum(bounds))
    lines = ((number, request_line(one.hash, _body(generator, one))) for number, one in enumerate(requests))
    count = 0
    with progress("Uploading requests", len(requests), "requests") as advance:
        for part in jsonl_parts(lines, MOST_REQUESTS, MOST_BYTES):
            token = secrets.token_hex(8)
            batches.begin(token, [(_kept(requests[number]), bounds[number]) for number, _ in part])
            content = "".join(f"{line}\n" for _, line in part).encode()
            batches.created(token, _created(client, token, content))
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
        batch = _found(client, token, name)
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
        answered = _take(client, batch, generator, ledger, batches)
        batches.collected(token)
        say(f"The batch {batch.id} is {batch.status}: {answered:,} of {requests:,} requests were answered.")
    return waiting


def _open_requests(generator: Generator, ledger: Ledger, pending: set[str]) -> Iterator[Request]:
    for queue, estimate in zip(generator.queues, estimates(generator), strict=True):
        for number in range(estimate.requests):
            request = generator.request_at(queue, number)
            if request.hash not in pending and ledger.reply(request.hash) is None:
                yield request


def _require_money(generator: Generator, ledger: Ledger, bound: float) -> None:
    spent, most = ledger.spent(), generator.settings.max_cost
    if most is not None and spent.cost + spent.unanswered_cost + bound > most:
        raise ResourceError(
            f"The requests cost up to ${bound:.2f}, and of ${most:g} (--max-cost) ${spent.cost:.2f} is spent and"
            f" ${spent.unanswered_cost:.2f} is under way.",
            "Raise --max-cost, or ask for fewer examples.",
        )


def _body(generator: Generator, request: Request) -> dict[str, object]:
    return {**generator.sampling.parameters, "messages": request.messages, "response_format": SCHEMA}


def _kept(request: Request) -> BatchRequest:
    return BatchRequest(request.hash, request.kind.name, request.item.id, without_media(request.messages))


def _client(generator: Generator) -> Any:
    from openai import OpenAI

    settings = generator.settings
    return OpenAI(base_url=settings.endpoint, api_key=require_key(settings) or "none", timeout=settings.timeout_s)


def _created(client: Any, token: str, content: bytes) -> str:
    import openai

    try:
        file = client.files.create(file=(f"macaw-{token}.jsonl", content), purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window=_WINDOW, metadata={_TOKEN: token}
        )
    except openai.APIStatusError as error:
        raise InputError(f"The API refuses the batch ({error.status_code}): {cut(error.message, 300)}.") from error
    except openai.APIConnectionError as error:
        raise Passing(f"The API does not answer: {cut(str(error), 200)}", "Run the same command again.") from error
    return str(batch.id)


def _found(client: Any, token: str, name: str) -> Any:
    """The batch as the API knows it; None when it was never created."""
    import openai

    try:
        if name:
            return client.batches.retrieve(name)
        return next((one for one in client.batches.list() if (one.metadata or {}).get(_TOKEN) == token), None)
    except openai.APIError as error:
        raise Passing(f"The API does not tell of batches: {cut(error.message, 200)}.", "Run it again later.") from error


def _take(client: Any, batch: Any, generator: Generator, ledger: Ledger, batches: BatchLedger) -> int:
    """Results come in any order, and belong to requests by their `custom_id`."""
    replies: list[Reply] = []
    failures: list[tuple[str, str]] = []
    for file in (batch.output_file_id, batch.error_file_id):
        for line in _lines(client, file):
            request = batches.request(str(line.get("custom_id")))
            response = line.get("response") or {}
            if request is None:
                continue
            if response.get("status_code") == 200:
                replies.append(_reply(response.get("body"), request, generator))
            else:
                failures.append((request.hash, cut(str(line.get("error") or response.get("body")), 300)))
    ledger.record(replies, failures=failures, not_charged=[name for name, _ in failures])
    return len(replies)


def _lines(client: Any, file: str | None) -> Iterator[dict[str, Any]]:
    if not file:
        return
    for line in client.files.content(file).text.splitlines():
        if line.strip():
            content = parse_json(line, "a result of the batch")
            if isinstance(content, dict):
                yield content


def _reply(body: Any, request: BatchRequest, generator: Generator) -> Reply:
    raw = raw_reply(body, 0.0)
    prompt = raw.prompt_tokens if raw.prompt_tokens is not None else generator.expectation.count(request.prompt)
    completion = raw.completion_tokens if raw.completion_tokens is not None else generator.expectation.count(raw.text)
    return Reply(
        hash=request.hash, model=generator.sampling.model, kind=request.kind, item=request.item,
        prompt=request.prompt, text=raw.text, finish=raw.finish, refusal=raw.refusal, prompt_tokens=prompt,
        completion_tokens=completion, counted=raw.prompt_tokens is not None and raw.completion_tokens is not None,
        cost=DISCOUNT * generator.expectation.price.cost(prompt, completion), seconds=raw.seconds,
        received=time.time(),
    )  # fmt: skip


