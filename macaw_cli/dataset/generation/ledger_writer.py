"""Writing to the ledger from the event loop: a thread commits what has gathered, then wakes those who wait for it."""

import asyncio
import queue
import threading
from dataclasses import dataclass

from macaw_cli.dataset.generation.kept_reply import Reply
from macaw_cli.dataset.generation.ledger import Ledger


@dataclass(slots=True)
class _Entry:
    done: "asyncio.Future[None]"
    reply: Reply | None = None
    sent: tuple[str, float] | None = None
    failure: tuple[str, str] | None = None
    lost: tuple[str, float] | None = None


class LedgerWriter:
    """Commits entries of many tasks together, as one commit waits for the disk whatever its size.

    Use as a context manager inside the event loop.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._entries: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write, name="ledger", daemon=True)

    def __enter__(self) -> "LedgerWriter":
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Write what is left, and end the thread."""
        self._entries.put(None)
        self._thread.join()

    async def sent(self, request: str, bound: float) -> None:
        """A request is about to be sent; returns when that is on the disk.

        Raises:
            ResourceError: the ledger cannot be written.
        """
        await self._put(_Entry(self._loop.create_future(), sent=(request, bound)))

    async def reply(self, reply: Reply) -> None:
        """A reply has come; returns when it is on the disk.

        Raises:
            ResourceError: the ledger cannot be written.
        """
        await self._put(_Entry(self._loop.create_future(), reply=reply))

    async def failure(self, request: str, reason: str) -> None:
        """A request is over in this run, without a reply.

        Args:
            request: its hash.
            reason: why.

        Raises:
            ResourceError: the ledger cannot be written.
        """
        await self._put(_Entry(self._loop.create_future(), failure=(request, reason)))

    async def lost(self, request: str, bound: float) -> None:
        """A request was sent once, no reply came, and it may be charged all the same.

        Args:
            request: its hash.
            bound: what it costs at most, in US dollars.

        Raises:
            ResourceError: the ledger cannot be written.
        """
        await self._put(_Entry(self._loop.create_future(), lost=(request, bound)))

    async def _put(self, entry: _Entry) -> None:
        self._entries.put(entry)
        await asyncio.shield(entry.done)  # whoever is cancelled does not take the entry back

    def _write(self) -> None:
        ended = False
        while not ended:
            entries = [self._entries.get()]
            while not self._entries.empty():
                entries.append(self._entries.get())
            ended = None in entries
            batch = [entry for entry in entries if entry is not None]
            problem: BaseException | None = None
            try:
                self._ledger.record(
                    [entry.reply for entry in batch if entry.reply],
                    [entry.sent for entry in batch if entry.sent],
                    [entry.failure for entry in batch if entry.failure],
                    [entry.lost for entry in batch if entry.lost],
                    [entry.failure[0] for entry in batch if entry.failure],
                )
            except BaseException as error:  # told by whoever waits
                problem = error
            self._loop.call_soon_threadsafe(_wake, batch, problem)


def _wake(entries: list[_Entry], problem: BaseException | None) -> None:
    for entry in entries:
        if entry.done.done():
            continue
        if problem is None:
            entry.done.set_result(None)
        else:
            entry.done.set_exception(problem)
