"""Which jobs there are: first those of earlier runs that were cut short, then what is new, as it is found.

Items are put into jobs in the order in which the sources name them, and a job is written into the journal when it is
full. So the same sources give the same jobs, whether the work was interrupted in between or not.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from macaw_cli.basics.urls import absolute_place
from macaw_cli.features.items import Item
from macaw_cli.features.journal import Job, Journal
from macaw_cli.features.remote.fetching import drop_copy
from macaw_cli.features.source import Refused, Source, reject
from macaw_cli.features.store_files import Row, StoreFiles
from macaw_cli.features.unfinished_jobs import UnfinishedJobs
from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.shards.store_rows import digest_of_key

_LOOKING_AT_ONCE = 32
"""Items of an unfinished job that are looked for at the same time; remote ones take a request each."""
_Group = tuple[Modality, tuple[Modality, ...]]
"""Items of one modality of which the same outputs are to be made."""


@dataclass(slots=True)
class Tally:
    """What became of the sources without any work: known or given up before, unfinished, or unreadable now."""

    known: int = 0
    refused: int = 0
    unfinished: int = 0
    unreadable: list[Row] = field(default_factory=list)
    copies: list[tuple[str, str, Modality]] = field(default_factory=list)
    """(name, key, modality) of names whose content is dealt with under another name."""
    lost: list[Job] = field(default_factory=list)
    """Unfinished jobs none of whose files are named, or whose encoders are not."""
    beyond: list[Job] = field(default_factory=list)
    """Unfinished jobs with files beyond the limit."""


class Scheduler:
    """Turns a stream of items into jobs.

    Args:
        journal: where they are written down.
        store: what is made already.
        outputs_of: what is made of a medium of a modality.
        served: modalities that can be made.
        sizes: items per job, and per encoder call.
        retry_rejects: whether what was given up is tried again.
    """

    def __init__(
        self,
        journal: Journal,
        store: StoreFiles,
        outputs_of: Callable[[Modality], tuple[Modality, ...]],
        served: Collection[Modality],
        sizes: tuple[int, int],
        *,
        retry_rejects: bool,
    ) -> None:
        self._journal, self._store, self._outputs_of = journal, store, outputs_of
        self._served, (self._shard_items, self._batch) = served, sizes
        self.tally = Tally()
        self.settled: Callable[[int], object] = int
        """Called with the number of sources that turned out to need no work; negative: work that no source names."""
        self._unfinished = UnfinishedJobs()
        self._before: set[bytes] = set()
        self._now: set[bytes] = set()
        self._groups: dict[_Group, dict[str, Item]] = {}
        self._given_up = store.given_up()
        tried = store.made_keys() | {digest_of_key(key) for key, _ in self._given_up}
        for job in journal.read():
            done = store.is_done(job)
            self._before.update(
                _digest(item.key, output) for item in job.items for output in job.shards
                if not done or digest_of_key(item.key) in tried  # else passing trouble kept it from being made
            )  # fmt: skip
            if done or not set(job.shards) <= set(self._served):  # this command has no encoders for it
                self._unfinished.keep(job, unfinished=not done)
                self.tally.lost += [] if done else [job]
            else:
                self._unfinished.add(job, begun=store.has_rows(job))
        store.require_journal(journal.jobs)
        if retry_rejects:
            self._before -= {_digest(*refused) for refused in self._given_up if refused not in self._unfinished.items}
            self._given_up = set()

    def expect(self, listing: Callable[[], Iterable[Source | Refused]], *, only_these: bool) -> None:
        """Look over the sources for the files of unfinished jobs, where there are any.

        Args:
            listing: what the sources name.
            only_these: leave out jobs with other files. Where nothing is made of them and of all after them, what
                these have of the sources is put into new jobs.
        """
        if not self._unfinished.jobs:
            return
        self._unfinished.expect(listing())
        if only_these:
            anew, self.tally.beyond = self._unfinished.withdraw_unexpected()
            self._journal.withdraw(anew)
            self._before -= {_digest(item.key, output) for job in anew for item in job.items for output in job.shards}

    def jobs(self, found: Iterator[Item | Refused], is_here: Callable[[Item], bool]) -> Iterator[Job]:
        """The jobs to do, in an order that does not depend on interruptions.

        Args:
            found: what the sources name.
            is_here: whether an item of an unfinished job is still where the journal says, with the same content.
        """
        waiting = []
        for job in self._unfinished.jobs:
            with ThreadPoolExecutor(_LOOKING_AT_ONCE) as threads:
                here = list(threads.map(is_here, job.items))
            if all(here):
                self.settled(-self._unfinished.claim(job))
                yield job
            else:
                waiting.append(job)
        for entry in found:
            if isinstance(entry, Refused):
                self.tally.unreadable.append(entry.row)
                self.settled(1)
            elif full := self._place(entry):
                yield self._begin(full)
        for group in sorted(self._groups, key=lambda group: (MODALITIES.index(group[0]), group[1])):
            if self._groups[group]:
                yield self._begin(group)
        yield from self._found_again(waiting)

    def _place(self, item: Item) -> _Group | None:
        """Put an item where it belongs; the group that it fills, if it fills one."""
        if item.modality not in self._served:
            self._refuse_unexpected(item)
            return None
        wanted = {kind: _digest(item.key, kind) for kind in self._outputs_of(item.modality)}
        outputs = tuple(kind for kind, made in wanted.items() if made not in self._before and made not in self._now)
        if not outputs:
            self._note_known(item)
            drop_copy(item.staged)
            if not self._unfinished.was_claimed(item):
                self.settled(1)
            return None
        group = (item.modality, outputs)
        waiting = self._groups.setdefault(group, {})
        if twin := waiting.get(item.key):
            twin.names += item.names
            drop_copy(item.staged)
            self.settled(1)
            return None
        waiting[item.key] = item
        return group if len(waiting) >= self._shard_items else None

    def _note_known(self, item: Item) -> None:
        (name,) = item.names
        if unfinished := self._unfinished.items.get((item.key, item.modality)):
            for waiting in unfinished:
                if not waiting.stamp:  # it was moved since
                    waiting.stamp, waiting.staged, item.staged = item.stamp, item.staged, ""
                    waiting.file, waiting.offset = absolute_place(item.file), item.offset
            if not any(name in waiting.names for waiting in unfinished):
                self.tally.copies.append((name, item.key, item.modality))
            return
        if (item.key, item.modality) in self._unfinished.left:
            self.tally.unfinished += 1
            return
        if (item.key, item.modality) in self._given_up:
            self.tally.refused += 1
        elif _digest(item.key, item.modality) in self._before:
            self.tally.known += 1
        if self._store.key_of(name, item.modality) != item.key:
            self.tally.copies.append((name, item.key, item.modality))

    def _refuse_unexpected(self, item: Item) -> None:
        """Encoders are loaded for what the first look over the sources found."""
        reason = f"Its kind ({item.modality}) was not among the sources when the command began: run it again."
        self.tally.unreadable += [reject(name, item.modality, reason) for name in item.names]
        drop_copy(item.staged)
        self.settled(1)

    def _begin(self, group: _Group) -> Job:
        items = list(self._groups.pop(group).values())
        modality, outputs = group
        job = self._journal.add(modality, outputs, items, self._batch)
        for item in job.items:
            self._now.update(_digest(item.key, output) for output in outputs)
        return job

    def _found_again(self, waiting: list[Job]) -> Iterator[Job]:
        """Unfinished jobs whose files were moved, or are partly gone.

        A job none of whose files can be found is left for the command that names its sources.
        """
        for job in waiting:
            if any(item.stamp for item in job.items):
                self.settled(-len(job.items))
                yield job
            else:
                self.tally.lost.append(job)


def _digest(key: str, modality: Modality) -> bytes:
    return digest_of_key(key) + modality[:1].encode()
