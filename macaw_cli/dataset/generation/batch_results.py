"""The results of a batch: its files, line by line, into the ledger."""

import itertools
import time
from collections.abc import Iterator
from typing import Any

from macaw_cli.basics.console import say
from macaw_cli.basics.errors import InputError, Passing
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.shown_text import cut
from macaw_cli.dataset.generation.batch_ledger import BatchLedger, BatchRequest
from macaw_cli.dataset.generation.endpoint import require_key, without_key
from macaw_cli.dataset.generation.generator import Generator
from macaw_cli.dataset.generation.kept_reply import Reply
from macaw_cli.dataset.generation.ledger import Ledger
from macaw_cli.dataset.generation.raw_reply import raw_reply

DISCOUNT = 0.5
"""Share of the price that the Batch API charges."""
RECORDED_AT_ONCE = 500
"""Results in one transaction."""


def masked(text: str, generator: Generator) -> str:
    """A text of the API without the key, which some repeat."""
    return without_key(text, require_key(generator.settings)).strip().rstrip(".")


def take_results(client: Any, batch: Any, generator: Generator, ledger: Ledger, batches: BatchLedger) -> int:
    """Write the results of a batch into the ledger: they come in any order, and belong to requests by `custom_id`.

    Returns:
        How many requests were answered.

    Raises:
        Passing: the API does not give the files of results.
    """
    answered = 0
    for file in (batch.output_file_id, batch.error_file_id):
        found = _lines(client, file, generator)
        while lines := list(itertools.islice(found, RECORDED_AT_ONCE)):
            replies: list[Reply] = []
            failures: list[tuple[str, str]] = []
            for line in lines:
                request = batches.request(str(line.get("custom_id")))
                response = line.get("response")
                response = response if isinstance(response, dict) else {}
                if request is not None and response.get("status_code") == 200:
                    replies.append(_reply(response.get("body"), request, generator))
                elif request is not None:
                    failures.append((request.hash, cut(str(line.get("error") or response.get("body")), 300)))
            ledger.record(replies, failures=failures, over=[name for name, _ in failures])
            answered += len(replies)
    return answered


def _lines(client: Any, file: str | None, generator: Generator) -> Iterator[dict[str, Any]]:
    """The objects in a file of results, one per line feed; a text may hold other line separators."""
    import openai

    if not file:
        return
    rest, bad = b"", 0
    try:
        for piece in itertools.chain(client.files.content(file).iter_bytes(), [b"\n"]):
            *lines, rest = (rest + piece).split(b"\n")
            for line in filter(bytes.strip, lines):
                try:
                    content = parse_json(line, "a result of the batch")
                except InputError:
                    content = None
                if isinstance(content, dict):
                    yield content
                else:
                    bad += 1
    except openai.APIError as error:
        told = cut(masked(str(error), generator), 200)
        raise Passing(f"The results of a batch cannot be fetched: {told}.", "Run the same command again.") from None
    if bad:
        say(f"{bad:,} lines of the batch's results are not JSON objects and are left out.")


def _reply(body: Any, request: BatchRequest, generator: Generator) -> Reply:
    raw = raw_reply(body, 0.0)
    prompt = raw.prompt_tokens if raw.prompt_tokens is not None else request.estimate
    completion = raw.completion_tokens if raw.completion_tokens is not None else generator.expectation.count(raw.text)
    return Reply(
        hash=request.hash, model=request.model, kind=request.kind, item=request.item, prompt=request.prompt,
        text=raw.text, finish=raw.finish, refusal=raw.refusal, prompt_tokens=prompt, completion_tokens=completion,
        counted=raw.prompt_tokens is not None and raw.completion_tokens is not None,
        cost=DISCOUNT * generator.expectation.price.cost(prompt, completion), seconds=raw.seconds,
        received=time.time(), estimate=request.estimate, pairs=request.pairs,
    )  # fmt: skip
