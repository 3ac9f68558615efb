"""Several encoders on one machine: a process for each, whole jobs for whoever is free, results in order."""

import queue
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from time import monotonic

from macaw_cli.basics import console, errors
from macaw_cli.basics.console import Advance
from macaw_cli.basics.errors import MacawError, ResourceError
from macaw_cli.features.clock import STAGES, shares
from macaw_cli.features.engines.engine import Done
from macaw_cli.features.engines.ordered_results import InOrder
from macaw_cli.features.engines.work_order import WorkOrder
from macaw_cli.features.engines.worker import Inbox, Message, Worker
from macaw_cli.features.journal import Job
from macaw_cli.features.shard_rows import JobResult

_BEGUN_PER_WORKER = 8
"""Jobs that may be begun and not committed, per worker: so far may the others be ahead of the slowest."""
_ATTEMPTS = 2
"""Workers that one job may cost before the work is given up."""


class WorkerEngine:
    """One worker process per device.

    A worker that dies gives its jobs back and the others go on; the work ends when a job has cost two of them, or when
    none is left.
    """

    def __init__(self, order: WorkOrder, devices: Sequence[str], decoders: int) -> None:
        """`devices` as in `Worker`; `decoders` is the number of decoder processes of each."""
        self._order, self._devices, self._decoders = order, devices, decoders

    def run(self, jobs: Iterator[Job], done: Done, advance: Advance) -> dict[str, float]:
        """See `Engine`."""
        inbox: Inbox = queue.Queue()
        workers: list[Worker] = []
        results = InOrder(done, _BEGUN_PER_WORKER * len(self._devices))
        try:
            for device in self._devices:  # one by one: those before one that cannot start are stopped
                workers.append(Worker(device, self._order, self._decoders, inbox))
            _Crew(workers, jobs, results, advance).work(inbox)
        except BaseException:
            for worker in workers:
                worker.stop()
            with suppress(MacawError, OSError):  # the first failure is the one to tell
                results.give_up()
            raise
        finally:
            for worker in workers:
                worker.close()
        return _mean_stages(workers)


class _Crew:
    """The workers of one run and what is to be done."""

    def __init__(self, workers: list[Worker], jobs: Iterator[Job], results: InOrder, advance: Advance) -> None:
        self._workers, self._jobs, self._results, self._advance = workers, jobs, results, advance
        self._living, self._idle = list(workers), deque[Worker]()
        self._given_back, self._attempts = deque[Job](), Counter[int]()
        self._no_more_jobs = False
        self._began = monotonic()

    def work(self, inbox: Inbox) -> None:
        """Answer the workers until all jobs are committed and all workers have ended."""
        while self._living:
            worker, message = inbox.get()
            if message is None:
                self._bury(worker)
            else:
                self._hear(worker, message)
            while self._idle and self._provide(self._idle[0]):
                self._idle.popleft()

    def _hear(self, worker: Worker, message: Message) -> None:
        if "ask" in message:
            if message["ask"]["idle"]:
                self._idle.append(worker)
            elif not self._provide(worker):
                worker.let_finish()
        elif "advance" in message:
            count, worker.stages = message["advance"]
            worker.counted += count
            self._advance(count, f"({shares(_mean_stages(self._workers), monotonic() - self._began)})")
        elif "result" in message:
            result = JobResult(**message["result"])
            job = worker.in_hand.pop(result.job)
            worker.counted -= len(job.items) - result.kept
            if result.kept > job.kept:  # of a worker that died
                self._advance(result.kept - job.kept, "")
            self._results.finish(result)
        elif "error" in message:
            kind, problem, hint = message["error"]
            raise getattr(errors, kind)(problem, hint)
        else:
            worker.reason = message["lost"]

    def _provide(self, worker: Worker) -> bool:
        """Give the worker a job, or tell it that there are no more; False when neither can be said yet."""
        job = self._given_back.popleft() if self._given_back else self._next_job()
        if job is not None:
            worker.give(job)
        elif self._no_more_jobs and self._results.empty:
            worker.end()
        else:
            return False
        return True

    def _next_job(self) -> Job | None:
        if self._no_more_jobs or self._results.full:
            return None
        job = next(self._jobs, None)
        if job is None:
            self._no_more_jobs = True
        else:
            self._results.begin(job)
        return job

    def _bury(self, worker: Worker) -> None:
        ending = worker.wait()
        self._living.remove(worker)
        with suppress(ValueError):
            self._idle.remove(worker)
        if self._no_more_jobs and self._results.empty:
            return
        self._advance(-worker.counted)
        self._attempts.update(worker.in_hand.keys())
        too_often = [job for job in worker.in_hand.values() if self._attempts[job.number] >= _ATTEMPTS]
        if too_often or not self._living:
            again = f" It is the second that ended with the files of {_shards(too_often)}." if too_often else ""
            raise ResourceError(
                f"The worker on {worker.device} {ending}.{again}",
                "Everything finished before is kept; run the same command again: it continues.",
            )
        self._given_back.extend(worker.in_hand.values())
        console.say(f"The worker on {worker.device} {ending}; its jobs go to the other {len(self._living)}.")


def _shards(jobs: list[Job]) -> str:
    return ", ".join(name for job in jobs for name in job.shards.values())


def _mean_stages(workers: list[Worker]) -> dict[str, float]:
    return {stage: sum(worker.stages.get(stage, 0.0) for worker in workers) / len(workers) for stage in STAGES}
