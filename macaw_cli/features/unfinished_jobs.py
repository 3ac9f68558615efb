"""The jobs that earlier runs left unfinished: which this command goes on with, and how many files they add to it."""

from collections.abc import Iterable

from macaw_cli.features.items import Item
from macaw_cli.features.journal import Job
from macaw_cli.features.source import Refused, Source
from macaw_cli.modalities.table import Modality

_Medium = tuple[str, Modality]
"""Key and modality."""


class UnfinishedJobs:
    """Filled while the journal is read; then `expect` and, under a limit, `withdraw_unexpected`.

    Attributes:
        jobs: to go on with, in order.
        items: those of `jobs`, by key and modality.
        left: key and modality of what is in other jobs, which stay unfinished.
    """

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.items: dict[_Medium, list[Item]] = {}
        self.left: set[_Medium] = set()
        self._fixed = -1
        self._expected: set[_Medium] = set()
        self._claimed: set[_Medium] = set()

    def add(self, job: Job, *, begun: bool) -> None:
        """A job to go on with.

        Args:
            job: one whose encoders are here.
            begun: whether the manifest has rows of it, so that it cannot be withdrawn.
        """
        self.jobs.append(job)
        for item in job.items:
            self.items.setdefault((item.key, item.modality), []).append(item)
        if begun:
            self.keep(job)

    def keep(self, job: Job, *, unfinished: bool = False) -> None:
        """A job that stays in the journal, and so all before it; perhaps one that is never continued."""
        self._fixed = max(self._fixed, job.number)
        if unfinished:
            self.left.update((item.key, item.modality) for item in job.items)

    def expect(self, sources: Iterable[Source | Refused]) -> None:
        """Note which of the items the sources will name.

        Args:
            sources: a listing.
        """
        named = {(name, modality): (item.key, modality) for (_, modality), items in self.items.items()
                 for item in items for name in item.names}  # fmt: skip
        for source in sources:
            if isinstance(source, Source) and (medium := named.get((source.name, source.modality))):
                self._expected.add(medium)

    def withdraw_unexpected(self) -> tuple[list[Job], list[Job]]:
        """Leave out jobs with items that the sources will not name.

        Returns:
            Jobs that are to be planned anew and must leave the journal: the last ones, of which nothing is made. And
            jobs that stay there, unfinished.
        """
        beyond = [job for job in self.jobs if not {(item.key, item.modality) for item in job.items} <= self._expected]
        first = min((job.number for job in beyond if job.number > self._fixed), default=None)
        anew = [job for job in self.jobs if first is not None and job.number >= first]
        waiting = [job for job in beyond if job not in anew]
        for job in [*anew, *waiting]:
            self.jobs.remove(job)
            for item in job.items:
                self.items.pop((item.key, item.modality), None)
        self.left.update((item.key, item.modality) for job in waiting for item in job.items)
        return anew, waiting

    def claim(self, job: Job) -> int:
        """Begin with a job before the sources are read; how many of its files the sources will not name."""
        media = [(item.key, item.modality) for item in job.items]
        claimed = self._expected.intersection(media) - self._claimed
        self._claimed |= claimed
        return len(media) - len(claimed)

    def was_claimed(self, item: Item) -> bool:
        """Whether a source is one that a job was begun for; true once for each."""
        medium = (item.key, item.modality)
        if medium not in self._claimed:
            return False
        self._claimed.discard(medium)
        self._expected.discard(medium)
        return True
