"""Decoding of what clients send: in child processes, a few at a time, each of which can be ended."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from macaw_cli.basics.threads import usable_cores
from macaw_cli.media.decoder_client import DecoderProcess
from macaw_cli.media.decoding import Decoded, Request

_PATIENCE_S = 1.0
"""How long a decoder goes on for a client that has left, as a new process takes about as long to start."""


class Decoders:
    """Some decoder processes; whoever asks waits for a free one.

    Args:
        timeout_s: after which a decoder is ended.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        workers = usable_cores()
        self._threads = ThreadPoolExecutor(workers, "decoding")
        self._free = asyncio.Semaphore(workers)
        self._all: set[DecoderProcess] = set()
        self._idle: list[DecoderProcess] = []

    async def decode(self, request: Request) -> Decoded:
        """Decode one file; a decoder whose client leaves is ended.

        Raises:
            InputError: the reason why it cannot be used.
        """
        await self._free.acquire()
        try:
            process = self._idle.pop() if self._idle else self._new()
            work = asyncio.get_running_loop().run_in_executor(self._threads, process.decode, request)
        except BaseException:
            self._free.release()
            raise
        work.add_done_callback(partial(self._done, process))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if not work.done():
                asyncio.get_running_loop().call_later(_PATIENCE_S, self._give_up, process, work)
            raise

    def close(self) -> None:
        """End all processes."""
        for process in self._all:
            process.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for process in self._all:
            process.close()

    def _new(self) -> DecoderProcess:
        process = DecoderProcess(self._timeout_s)
        self._all.add(process)
        return process

    def _done(self, process: DecoderProcess, work: "asyncio.Future[Decoded]") -> None:
        if not work.cancelled():
            work.exception()  # asyncio complains of one that nobody looks at, as when the client has left
        if process in self._all:
            self._idle.append(process)
        self._free.release()

    def _give_up(self, process: DecoderProcess, work: "asyncio.Future[Decoded]") -> None:
        if not work.done():
            self._all.discard(process)
            process.kill()
            work.add_done_callback(lambda _: process.close())
