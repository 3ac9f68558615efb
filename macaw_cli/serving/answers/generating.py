"""The thread that owns the model: it takes requests and tells their events, whatever thread they come from."""

import logging
import queue
import threading
from collections.abc import Callable, Iterator

from macaw_cli.basics.errors import InputError
from macaw_cli.inference.continuous import ContinuousBatch
from macaw_cli.inference.requests import EndEvent, Event, GenerationRequest

_log = logging.getLogger(__name__)
Tell = Callable[[Event | Exception], None]
"""Takes the events of one answer, or the error that ended it; called in the model's thread."""


class Ended(Exception):
    """The model's thread has ended before the answer."""


class Job:
    """One answer in the making."""

    def __init__(self, request: GenerationRequest, tell: Tell) -> None:
        self.request, self.tell = request, tell
        self.number: int | None = None
        self.cancelled = self.forgotten = False


class ModelThread:
    """Runs a batch in a thread of its own.

    Args:
        new_batch: makes the batch, in that thread; called again where one has failed.
    """

    def __init__(self, new_batch: Callable[[], ContinuousBatch]) -> None:
        self._new_batch = new_batch
        self._inbox: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._jobs: dict[int, Job] = {}
        self._guard, self._count, self._ended = threading.Lock(), 0, False
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    @property
    def count(self) -> int:
        """Answers that were asked for and have not ended."""
        return self._count

    def ask(self, request: GenerationRequest, tell: Tell) -> Job:
        """Begin an answer."""
        job = Job(request, tell)
        with self._guard:
            if self._ended:
                raise Ended
            self._count += 1
            self._inbox.put(job)
        return job

    def cancel(self, job: Job) -> None:
        """Give an answer up; nothing more is told of it. One that has ended is fine."""
        job.cancelled = True
        self._inbox.put(job)

    def close(self) -> None:
        """End the thread after its present token; answers that are not complete get `Ended`."""
        with self._guard:
            self._ended = True
        self._inbox.put(None)

    def join(self, seconds: float) -> None:
        """Wait for the end of the thread."""
        self._thread.join(seconds)

    def _run(self) -> None:
        batch = self._new_batch()
        while True:
            for job in self._arrived(wait=batch.idle):
                if job is None:
                    batch.close()
                    self._fail(Ended())
                    return
                self._take(batch, job)
            try:
                events = [] if batch.idle else batch.step()
            except Exception as error:  # a bug: those that come later must be answered
                _log.exception("The model failed while it answered %d requests.", len(self._jobs))
                self._fail(error)
                batch = self._new_batch()
                continue
            for event in events:
                self._tell(event)

    def _arrived(self, *, wait: bool) -> Iterator[Job | None]:
        if wait:
            yield self._inbox.get()
        while True:
            try:
                yield self._inbox.get_nowait()
            except queue.Empty:
                return

    def _take(self, batch: ContinuousBatch, job: Job) -> None:
        if job.cancelled:
            if job.number is not None and job.number in self._jobs:
                batch.cancel(job.number)
            self._forget(job)
            return
        try:
            job.number = batch.add(job.request)
        except Exception as error:  # a request that cannot be begun must not end the thread
            if not isinstance(error, InputError):
                _log.exception("A request could not be begun.")
            self._forget(job)
            job.tell(error)
            return
        self._jobs[job.number] = job

    def _tell(self, event: Event) -> None:
        job = self._jobs.get(event.number)
        if job is None:
            return
        if isinstance(event, EndEvent):
            self._forget(job)
            if event.error is not None:
                _log.error("A request failed in the model.", exc_info=event.error)
                job.tell(event.error)
                return
        job.tell(event)

    def _forget(self, job: Job) -> None:
        """Count a job no more; each only once."""
        if job.number is not None:
            self._jobs.pop(job.number, None)
        if not job.forgotten:
            job.forgotten = True
            with self._guard:
                self._count -= 1

    def _fail(self, error: Exception) -> None:
        for job in list(self._jobs.values()):
            self._forget(job)
            job.tell(error)
