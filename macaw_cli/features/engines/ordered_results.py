"""Results come as they are ready and are committed in the order in which their jobs were begun."""

from collections import deque

from macaw_cli.features.engines.engine import Done
from macaw_cli.features.journal import Job
from macaw_cli.features.shard_rows import JobResult


class InOrder:
    """Holds back results until all before them are there.

    Args:
        done: commits one result.
        most: jobs that may be begun and not committed, so that one slow job cannot pile up the results of all others.
    """

    def __init__(self, done: Done, most: int) -> None:
        self._done, self._most = done, most
        self._begun: deque[int] = deque()
        self._held: dict[int, JobResult] = {}

    @property
    def full(self) -> bool:
        """Whether no other job may be begun now."""
        return len(self._begun) >= self._most

    @property
    def empty(self) -> bool:
        """Whether everything that was begun is committed."""
        return not self._begun

    def begin(self, job: Job) -> None:
        """The next in order."""
        self._begun.append(job.number)

    def finish(self, result: JobResult) -> None:
        """Commit it, and what waited for it, when its turn has come."""
        self._held[result.job] = result
        while self._begun and self._begun[0] in self._held:
            self._done(self._held.pop(self._begun.popleft()))

    def give_up(self) -> None:
        """Commit what is held although something before it is missing: finished work is kept.

        The next run of the command brings the manifest back into order.
        """
        for number in [number for number in self._begun if number in self._held]:
            self._done(self._held.pop(number))
        self._begun.clear()
