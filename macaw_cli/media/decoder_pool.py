"""Several decoder processes at work at once, each driven by one thread of its own."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from macaw_cli.basics.threads import usable_cores
from macaw_cli.media.decoder_client import DEFAULT_MEMORY_MIB, DEFAULT_TIMEOUT_S, DecoderProcess
from macaw_cli.media.decoding import Decoded, Request


class DecoderPool:
    """Decodes files in `workers` processes, None: one per core; a context manager that leaves no process behind."""

    def __init__(
        self, workers: int | None = None, timeout_s: float = DEFAULT_TIMEOUT_S, memory_mib: int = DEFAULT_MEMORY_MIB
    ) -> None:
        self._timeout_s, self._memory_mib = timeout_s, memory_mib
        self.workers = workers or usable_cores()
        self._busy_s, self._lock = 0.0, threading.Lock()
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="decoder")
        self._own = threading.local()
        self._processes: list[DecoderProcess] = []
        self._ended = False

    @property
    def busy_s(self) -> float:
        """Seconds that the processes have spent decoding so far, the mean over all of them."""
        return self._busy_s / self.workers

    def submit(self, request: Request) -> "Future[Decoded]":
        """Decode in the background; the future gives the answer, or raises InputError with the reason."""
        return self._threads.submit(self._decode, request)

    def __enter__(self) -> "DecoderPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:  # what is not in the list by now kills itself
            self._ended = True
        for process in self._processes:
            process.kill()  # also ends a decoder that is in the middle of something; its thread then ends too
        self._threads.shutdown(wait=True)
        for process in self._processes:
            process.close()

    def _decode(self, request: Request) -> Decoded:
        if not hasattr(self._own, "process"):
            self._own.process = self._new_process()
        decoder: DecoderProcess = self._own.process
        began = time.monotonic()
        try:
            return decoder.decode(request)
        finally:
            with self._lock:
                self._busy_s += time.monotonic() - began

    def _new_process(self) -> DecoderProcess:
        process = DecoderProcess(self._timeout_s, self._memory_mib)
        with self._lock:
            self._processes.append(process)
            if self._ended:
                process.kill()
        return process
