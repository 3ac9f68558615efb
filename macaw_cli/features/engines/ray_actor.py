"""What runs on the machines of a Ray cluster: an actor with encoders and decoders, and the stream of jobs to it."""

import json
import os
import queue
import socket
import threading
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import asdict
from typing import Any

from macaw_cli.basics.child_side import end_with_parent
from macaw_cli.basics.errors import MacawError
from macaw_cli.features.engines.work_order import WorkOrder, job_of
from macaw_cli.features.journal import Job
from macaw_cli.features.shard_rows import JobResult

CALLS_AT_ONCE = 2
"""Jobs that an actor has at a time: while one is encoded, the next is decoded."""
ATTEMPTS = 2
"""Actors that one job may cost before the work is given up."""


class JobFeed:
    """Jobs on their way from the driver to Ray Data; itself a small actor on the driver's machine."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._attempts: Counter[int] = Counter()

    def put(self, job: str | None) -> None:
        """One more job; None: there are no more."""
        self._jobs.put(job)

    def take(self) -> str | None:
        """The next job; waits for it."""
        return self._jobs.get()

    def begin(self, job: int) -> int:
        """Note that an actor begins a job; how often that was."""
        self._attempts[job] += 1
        return self._attempts[job]


class JobActor:
    """Does whole jobs, the files of the next being decoded while the one before is encoded.

    Ray Data calls it from `CALLS_AT_ONCE` threads. It answers with JSON: a `result`, or an `error` of macaw's own, or
    how the work was `lost`.
    """

    def __init__(self, order: str, feed: Any) -> None:
        self._order, self._feed = WorkOrder(**json.loads(order)), feed
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._open: dict[int, Future[dict[str, Any]]] = {}
        self._failure: dict[str, Any] | None = None
        self._stages: dict[str, float] = {}
        self._name = f"{socket.gethostname()} (process {os.getpid()})"
        self._lock = threading.Lock()
        end_with_parent()
        threading.Thread(target=self._work, name="pipeline", daemon=True).start()

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """A batch is one job."""
        import ray

        job = job_of(str(batch["job"][0]))
        if ray.get(self._feed.begin.remote(job.number)) > ATTEMPTS:  # Ray itself would try for ever
            name = ", ".join(job.shards.values())
            return _answer(
                {"lost": f"{ATTEMPTS} actors ended while working on the files of {name}", "where": self._name}
            )
        answer: Future[dict[str, Any]] = Future()
        with self._lock:
            if self._failure is None:
                self._open[job.number] = answer
                self._jobs.put(job)
            else:
                answer.set_result(self._failure)
        return _answer({"worker": self._name, "stages": self._stages, **answer.result()})

    def _work(self) -> None:
        try:
            self._order.run(self._order.load(), self._next_jobs(), self._finish, self._advance)
        except MacawError as error:
            self._fail({"error": [type(error).__name__, error.problem, error.hint]})
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            self._fail({"lost": reason, "where": self._name, "traceback": traceback.format_exc()})

    def _next_jobs(self) -> Iterator[Job | None]:
        while True:
            try:
                yield self._jobs.get_nowait()
            except queue.Empty:
                yield None
                yield self._jobs.get()

    def _finish(self, result: JobResult) -> None:
        self._open.pop(result.job).set_result({"result": asdict(result)})

    def _advance(self, _: int, stages: dict[str, float]) -> None:
        self._stages = stages

    def _fail(self, failure: dict[str, Any]) -> None:
        with self._lock:
            self._failure = failure
            for answer in self._open.values():
                answer.set_result(failure)


def _answer(content: dict[str, Any]) -> dict[str, list[str]]:
    return {"answer": [json.dumps(content)]}
