"""Over a cluster: the same pipeline in Ray Data actors, fed job by job, its results committed by this process."""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from time import monotonic
from typing import Any

from macaw_cli.basics import console, errors
from macaw_cli.basics.console import Advance
from macaw_cli.basics.errors import MacawError, ResourceError
from macaw_cli.config.feature_settings import FeatureSettings
from macaw_cli.features.clock import STAGES, shares
from macaw_cli.features.engines.engine import Done
from macaw_cli.features.engines.ordered_results import InOrder
from macaw_cli.features.engines.ray_actor import CALLS_AT_ONCE, JobActor, JobFeed
from macaw_cli.features.engines.ray_cluster import Crew, connected, crew_of
from macaw_cli.features.engines.work_order import WorkOrder, job_text
from macaw_cli.features.journal import Job
from macaw_cli.features.shard_rows import JobResult

_BEGUN_PER_ACTOR = 8
"""Jobs that may be begun and not committed, per actor."""
_POLL_S = 0.2


class RayEngine:
    """One actor per GPU of the cluster; without GPUs, one per machine."""

    def __init__(self, order: WorkOrder, settings: FeatureSettings, gpus: int | None) -> None:
        self._order, self._settings, self._gpus = order, settings, gpus

    def run(self, jobs: Iterator[Job], done: Done, advance: Advance) -> dict[str, float]:
        """See `Engine`."""
        with connected():
            crew = crew_of(self._settings.device, self._gpus, self._settings.workers)
            places = "GPUs" if crew.gpus else "machines"
            console.say(f"Working on the Ray cluster: {crew.actors} {places}.")
            order = self._order.for_worker("cuda" if crew.gpus else "cpu", crew.decoders)
            return _RayRun(order, crew, done, advance).run(jobs)


class _RayRun:
    def __init__(self, order: WorkOrder, crew: Crew, done: Done, advance: Advance) -> None:
        self._order, self._crew, self._done, self._advance = order, crew, done, advance
        self._slots = threading.Semaphore(_BEGUN_PER_ACTOR * crew.actors)
        self._results = InOrder(self._commit, most=_BEGUN_PER_ACTOR * crew.actors)
        self._sizes: dict[int, int] = {}
        self._stages: dict[str, dict[str, float]] = {}
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._began = monotonic()

    def run(self, jobs: Iterator[Job]) -> dict[str, float]:
        """Feed jobs from a thread, take answers in this one."""
        feed = _job_feed()
        feeder = threading.Thread(target=self._feed, args=(jobs, feed), name="feeding Ray", daemon=True)
        feeder.start()
        try:
            for answer in _answers(self._order, self._crew, feed):
                self._hear(answer)
            if self._failure is not None:
                raise self._failure
            if not self._results.empty:
                raise ResourceError("The Ray cluster lost jobs.", "Run the same command again: it continues.")
        except BaseException as error:
            with suppress(MacawError, OSError):  # the first failure is the one to tell
                self._results.give_up()
            if told := _told(error):
                raise told from error
            raise
        finally:
            self._stop.set()
            feeder.join()
        return self._mean_stages()

    def _feed(self, jobs: Iterator[Job], feed: Any) -> None:
        import ray

        try:
            while not self._stop.is_set():
                if not self._slots.acquire(timeout=_POLL_S):
                    continue
                job = next(jobs, None)
                if job is None:
                    break
                self._sizes[job.number] = len(job.items) - job.kept
                self._results.begin(job)
                ray.get(feed.put.remote(job_text(job)))
        except BaseException as error:  # raised by `run`
            self._failure = error
        with suppress(Exception):  # the cluster may be gone
            ray.get(feed.put.remote(None))

    def _hear(self, answer: dict[str, Any]) -> None:
        if "error" in answer:
            kind, problem, hint = answer["error"]
            raise getattr(errors, kind)(problem, hint)
        if "lost" in answer:
            console.say(answer.get("traceback", ""))
            raise ResourceError(
                f"The job on {answer['where']} failed ({answer['lost']}).",
                "Everything finished before is kept; run the same command again: it continues.",
            )
        self._stages[answer["worker"]] = answer["stages"]
        result = JobResult(**answer["result"])
        note = f"({shares(self._mean_stages(), monotonic() - self._began)})"
        self._advance(self._sizes.pop(result.job), note)
        self._results.finish(result)

    def _commit(self, result: JobResult) -> None:
        self._done(result)
        self._slots.release()

    def _mean_stages(self) -> dict[str, float]:
        count = max(1, len(self._stages))
        return {stage: sum(spent.get(stage, 0.0) for spent in self._stages.values()) / count for stage in STAGES}


def _job_feed() -> Any:
    import ray

    remote: Any = ray.remote
    return remote(num_cpus=0, max_concurrency=4, resources=_this_machine())(JobFeed).remote()


def _answers(order: WorkOrder, crew: Crew, feed: Any) -> Iterator[dict[str, Any]]:
    """What the actors answer, as it comes.

    Ray Data has no source that is written while it is read, so the jobs come out of one read task that asks the feed.
    The actors live as long as the work; with one data set per window of jobs they would load their encoders anew.
    """
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    from macaw_cli.features.engines.ray_source import JobSource

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.target_max_block_size = 1  # every job and every answer goes on at once
    context.execution_options.verbose_progress = False
    source = ray.data.read_datasource(JobSource(feed), override_num_blocks=1, num_cpus=0, resources=_this_machine())
    answers = source.map_batches(
        JobActor, fn_constructor_args=[json.dumps(asdict(order)), feed], batch_size=1, num_cpus=1, num_gpus=crew.gpus,
        compute=ActorPoolStrategy(
            size=crew.actors, max_tasks_in_flight_per_actor=2 * CALLS_AT_ONCE,
            max_concurrent_calls_per_actor=CALLS_AT_ONCE, enable_true_multi_threading=True,
        ),
    )  # fmt: skip
    for batch in answers.iter_batches(batch_size=None, prefetch_batches=0):
        for text in batch["answer"]:
            yield json.loads(str(text))


def _this_machine() -> dict[str, float]:
    """A demand that only the driver's machine can meet: while the driver lives, so does the way to it."""
    import ray

    util: Any = ray.util
    return {f"node:{util.get_node_ip_address()}": 0.001}


def _told(error: BaseException) -> MacawError | None:
    """One line for what Ray reports; None when it is not Ray's."""
    import ray.exceptions

    if not isinstance(error, ray.exceptions.RayError):
        return None
    reason = str(error).strip().splitlines()
    return ResourceError(
        f"An actor of the Ray cluster failed: {reason[-1] if reason else type(error).__name__}",
        "Install macaw on every machine, then run the same command again: it continues. Everything finished before is "
        "kept.",
    )
