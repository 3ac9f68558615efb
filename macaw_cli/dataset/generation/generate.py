"""`macaw build-dataset --generate` from beginning to end: items, requests, replies, and a file of conversations.

The result is an ordinary source: the build reads `conversations.jsonl` as it reads any other file. A rerun with the
same ledger repeats what was asked before at no cost; see `ledger.py` for what is kept and when.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from macaw_cli.basics.disk import disk_full_is_told
from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.basics.locks import folder_lock
from macaw_cli.basics.owned_folders import require_apart, require_own_folder
from macaw_cli.dataset.generation.asking import Asker
from macaw_cli.dataset.generation.batch_ledger import BatchLedger
from macaw_cli.dataset.generation.budget import Budget
from macaw_cli.dataset.generation.collecting import Collected, Collector, Filter
from macaw_cli.dataset.generation.endpoint import Endpoint, require_key
from macaw_cli.dataset.generation.examples import Row
from macaw_cli.dataset.generation.folder import (
    CONVERSATIONS_NAME,
    GENERATION,
    LEDGER_FILES,
    Output,
    new_output,
    prepare_folder,
    write_report,
)
from macaw_cli.dataset.generation.generator import Generator
from macaw_cli.dataset.generation.kind_queue import KindQueue
from macaw_cli.dataset.generation.ledger import Ledger
from macaw_cli.dataset.generation.ledger_writer import LedgerWriter
from macaw_cli.dataset.generation.presentation import show_limits
from macaw_cli.dataset.generation.report import report_of
from macaw_cli.dataset.generation.request import Request
from macaw_cli.dataset.generation.running import Run
from macaw_cli.dataset.generation.status import Status
from macaw_cli.dataset.generation.swapped_questions import KIND as SWAPPED
from macaw_cli.dataset.generation.swapped_questions import AcceptedQuestions, swapped_examples
from macaw_cli.shards.generation_report import read_generation_report

ONLY_LEDGER = "only replies of batches are used; --batch-api submit asks for what is missing"
GENERATION_HINT = "Name another folder under generation.out."


def require_own_generation(folder: Path, inputs: Sequence[Path]) -> None:
    """Refuse a folder of a generation that macaw must not write into; call it before any work.

    Raises:
        InputError: something else is there, or an input is or lies in it.
    """
    require_own_folder(folder, GENERATION, GENERATION_HINT)
    require_apart(folder, inputs, GENERATION_HINT)


def generate(
    generator: Generator, folder: Path, rejected: Sequence[Row], filters: Filter, seed: int, *, ask: bool = True
) -> dict[str, Any]:
    """Ask for everything that is wanted and write the conversations.

    Args:
        generator: what is asked.
        folder: of the generation, checked by `require_own_generation`.
        rejected: rows of items that cannot be asked about, for `rejects.jsonl`.
        filters: what a conversation has to pass to count.
        seed: decides which questions are moved to other items.
        ask: send requests that have no reply yet; else only the ledger is used.

    Returns:
        The report.

    Raises:
        UsageError: the API key is missing, or the endpoint is no URL.
        Interrupted: SIGINT or SIGTERM.
        InputError: the API refuses every request.
        ResourceError: the ledger cannot be written.
    """
    require_key(generator.settings)
    with opened_ledger(folder) as ledger:
        if ask:
            _require_no_batch(ledger)
        with new_output(folder) as output:
            for row in rejected:
                output.reject(row)
            report = _asked(generator, ledger, output, filters, seed, ask)
        write_report(folder, report)
    return report


@contextmanager
def opened_ledger(folder: Path) -> Iterator[Ledger]:
    """The ledger of a generation's folder, which is locked and made where there is none.

    Raises:
        LockedError: another command writes there.
        DamagedError: the ledger is damaged.
    """
    with disk_full_is_told(folder), folder_lock(folder):
        prepare_folder(folder)
        ledger = Ledger(folder)
        try:
            _require_all_replies(ledger, folder)
            ledger.settle_leftovers()
            yield ledger
        finally:
            ledger.close()


def probe(generator: Generator, folder: Path, requests: int) -> None:
    """Send some of the requests, spread over the kinds; their replies are kept in the ledger, and used later.

    Raises:
        As `generate`.
    """
    require_key(generator.settings)
    each = -(-requests // len(generator.queues))
    queues = [KindQueue(queue.kind, queue.pairs, None, min(each, queue.items)) for queue in generator.queues]
    with opened_ledger(folder) as ledger:
        _require_no_batch(ledger)
        collector = Collector(queues, _dropped, _dropped, lambda row: "")
        spent = ledger.spent()
        budget = Budget(generator.settings.max_cost, requests, spent.at_most)
        asyncio.run(_run(generator, queues, ledger, budget, collector))


def _require_all_replies(ledger: Ledger, folder: Path) -> None:
    """Refuse a ledger that has lost replies: they would be paid for again.

    Raises:
        DamagedError: it holds fewer than when a run last ended.
    """
    before = (read_generation_report(folder).get("ledger") or {}).get("replies", 0)
    now = ledger.spent().requests
    if now < before:
        raise DamagedError(
            f"{folder / LEDGER_FILES[0]} holds {now:,} replies, and {before:,} were paid for.",
            f"Restore it from a copy, or remove {folder} to begin anew.",
        )


def _require_no_batch(ledger: Ledger) -> None:
    """Refuse to ask at full price what a batch is going to answer.

    Raises:
        InputError: a batch is not collected yet.
    """
    if batches := BatchLedger(ledger).open():
        requests = sum(count for _, _, count in batches)
        raise InputError(
            f"{requests:,} requests are in batches that are not collected yet.",
            "Run the same command with --batch-api collect.",
        )


def _dropped(row: Row) -> None:
    """A probe writes no rows."""
    del row


def conversations_file(folder: Path) -> Path:
    """The file of generated conversations, in canonical form."""
    return folder / CONVERSATIONS_NAME


def _asked(
    generator: Generator, ledger: Ledger, output: Output, filters: Filter, seed: int, ask: bool
) -> dict[str, Any]:
    spent = ledger.spent()
    budget = Budget(
        generator.settings.max_cost, generator.settings.max_requests, spent.at_most
    )
    generator.expectation.learn_from(ledger)
    show_limits(generator, spent)
    questions = AcceptedQuestions(generator.items, output.keep)
    collector = Collector(generator.queues, questions.keep, output.reject, filters)
    started = time.monotonic()
    asker = asyncio.run(_run(generator, generator.queues, ledger, budget, collector, ask))
    if wanted := generator.settings.want.get(SWAPPED):
        collector.collected[SWAPPED] = _swapped(generator, questions, wanted, seed, output, filters)
    return report_of(generator, collector.collected, asker, ledger.spent(), time.monotonic() - started)


def _swapped(
    generator: Generator, questions: AcceptedQuestions, wanted: int, seed: int, output: Output, filters: Filter
) -> Collected:
    """Move questions to other items until as many pass the filters as are wanted."""
    collected = Collected()
    for row in swapped_examples(generator.items, questions.found, seed):
        if collected.accepted == wanted:
            break
        if reason := filters(row):
            collected.rejected[reason] += 1
            output.reject({"id": row["id"], "kind": SWAPPED, "reason": reason, "messages": row["messages"]})
        else:
            collected.accepted += 1
            output.keep(row)
    return collected


async def _run(
    generator: Generator, queues: list[KindQueue], ledger: Ledger, budget: Budget, collector: Collector,
    ask: bool = True,
) -> Asker:  # fmt: skip
    endpoint = Endpoint(generator.settings, generator.sampling)
    try:
        with LedgerWriter(ledger) as writer:
            asker = Asker(
                generator.settings, generator.sampling, ledger, writer, endpoint, generator.expectation, budget
            )
            if not ask:
                asker.use_only_ledger(ONLY_LEDGER)
            status = Status(asker, budget, queues)
            run = Run(queues, _requests(generator), asker, collector, generator.settings.concurrency, status.text)
            await run.finish()
            return asker
    finally:
        await endpoint.close()


def _requests(generator: Generator) -> Callable[[KindQueue, int], Awaitable[Request]]:
    """Requests for the event loop; media are decoded in threads beside it."""

    async def request_at(queue: KindQueue, number: int) -> Request:
        if generator.settings.show_media:
            return await asyncio.to_thread(generator.request_at, queue, number)
        return generator.request_at(queue, number)

    return request_at
