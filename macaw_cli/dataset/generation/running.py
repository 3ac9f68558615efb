"""The event loop of a generation: begins requests, takes answers in order, ends in good order when it has to stop."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from macaw_cli.basics.console import progress, say
from macaw_cli.dataset.generation.answered import Answered
from macaw_cli.dataset.generation.asking import Asker
from macaw_cli.dataset.generation.collecting import Collector
from macaw_cli.dataset.generation.kind_queue import KindQueue
from macaw_cli.dataset.generation.reply import Outcome, ParsedReply
from macaw_cli.dataset.generation.request import Request, UnreadableMedia
from macaw_cli.dataset.generation.stop_signals import interrupted_by, stop_signals

AHEAD = 2
"""Requests that are begun, for each that the API gets at a time: the others wait for their place or for the disk."""
SHOW_EVERY_S = 0.5
MISSED_IN_A_ROW = 200


class Run:
    """One run over all requests.

    Args:
        queues: the kinds.
        request_at: the request of a queue with a number.
        asker: answers requests.
        collector: takes the answers.
        status: a few words for the progress display.
    """

    def __init__(
        self, queues: list[KindQueue], request_at: Callable[[KindQueue, int], Awaitable[Request]], asker: Asker,
        collector: Collector, most_under_way: int, status: Callable[[], str],
    ) -> None:  # fmt: skip
        self._queues, self._request_at, self._asker, self._collector = queues, request_at, asker, collector
        self._most, self._status = AHEAD * most_under_way, status
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._failure: BaseException | None = None
        self._signal = 0

    async def finish(self) -> None:
        """Ask until every kind has its examples, or nothing more may be sent.

        Raises:
            Interrupted: SIGINT or SIGTERM; the requests under way were waited for.
            InputError: the API refuses every request.
            ResourceError: the ledger cannot be written.
        """
        total = sum(queue.total if queue.quota is None else queue.items for queue in self._queues)
        with stop_signals(self._stop_at), progress("Generating examples", total, "requests") as advance:
            shown_at = time.monotonic()
            while True:
                self._begin()
                if not self._tasks:
                    break
                await self._wake.wait()
                self._wake.clear()
                before = self._processed()
                self._collect()
                if (now := time.monotonic()) - shown_at > SHOW_EVERY_S or self._processed() > before:
                    advance(self._processed() - before, self._status())
                    shown_at = now
            self._collect(ended=True)
        if self._failure is not None:
            raise self._failure
        if self._signal:
            raise interrupted_by(self._signal)

    def _collect(self, *, ended: bool = False) -> None:
        """Take answers; where that fails, as on a full disk, the replies under way are still waited for and kept."""
        if self._failure is not None:
            return
        try:
            self._collector.advance(ended=ended)
        except Exception as error:
            self._failure = error
            self._asker.stop("the run ended with an error")

    def _begin(self) -> None:
        while len(self._tasks) < self._most and self._asker.may_begin:
            queue = next((queue for queue in self._queues if queue.wants_request()), None)
            if queue is None:
                return
            number, queue.issued = queue.issued, queue.issued + 1
            task = asyncio.get_running_loop().create_task(self._answer(queue, number))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def _answer(self, queue: KindQueue, number: int) -> None:
        try:
            request = await self._request_at(queue, number)
        except UnreadableMedia as error:
            queue.answers[number] = error.request, Answered(ParsedReply(Outcome.UNREADABLE, reason=error.reason))
            return
        answered = await self._asker.answer(request)
        self._end_what_no_batch_has(queue, answered)
        queue.answers[number] = replace(request, messages=[]), answered  # media in messages would fill the memory

    def _end_what_no_batch_has(self, queue: KindQueue, answered: Answered) -> None:
        """With replies of batches alone, many requests without a reply in a row mean that none follows."""
        if self._asker.uses_only_ledger:
            missed = answered.parsed.outcome is Outcome.NOT_ASKED
            queue.missed_in_a_row = queue.missed_in_a_row + 1 if missed else 0
            queue.has_ended = queue.missed_in_a_row >= MISSED_IN_A_ROW

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
            self._asker.stop("the run ended with an error")
        self._wake.set()

    def _processed(self) -> int:
        return sum(queue.processed for queue in self._queues)

    def _stop_at(self, number: int) -> None:
        if self._signal:
            for task in self._tasks:
                task.cancel()
            return
        self._signal = number
        under_way = self._asker.sender.limit.under_way
        self._asker.stop("the run was interrupted")
        say(f"Stopping: waiting for {under_way:,} replies that are under way. Interrupt again to leave at once.")
