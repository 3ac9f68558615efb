"""The work itself: decoders ahead in their processes, batches through the encoders, samples into shards behind.

Three things run at the same time, each at most a few batches ahead of the next: decoder processes, the encoder in the
main thread, and the writer in a thread of its own. So the memory is the same however long the job is.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from macaw_cli.basics.background import Background
from macaw_cli.basics.console import Advance
from macaw_cli.basics.errors import InputError, Passing
from macaw_cli.basics.fingerprints import fingerprint, sha256_file, sha256_range
from macaw_cli.basics.memory import keep_freed_memory
from macaw_cli.basics.urls import is_url
from macaw_cli.features.clock import Clock
from macaw_cli.features.hash_cache import stamp_of
from macaw_cli.features.host_copy import HostCopy
from macaw_cli.features.items import Item, file_of
from macaw_cli.features.journal import Job
from macaw_cli.features.remote_decoding import RemoteDecoding
from macaw_cli.features.shard_rows import JobResult, ShardsOfJob
from macaw_cli.media.decoder_pool import DecoderPool
from macaw_cli.media.decoding import Decoded, Request
from macaw_cli.modalities.table import Modality

if TYPE_CHECKING:
    from macaw_cli.features.encoding import Encoders, FeatureArrays

_AHEAD_PER_WORKER = 4
"""Files that each decoder may be ahead of the batch in work."""
_KEPT_BYTES = 2 << 30
"""Activations of a batch, kept from one batch to the next."""
_BATCHES_BEHIND = 3
"""Encoded batches that may wait for the writer."""
_LAUNCHED = 1
"""Batches that a GPU may have before it while the next is prepared."""
_Ahead = Iterator[tuple[Item, "Future[Decoded]"]]
_Usable = tuple[Item, Decoded]
_Step = tuple[HostCopy | None, "Callable[..., None]"]
"""For the writer: a batch's features, when they are there, and what writes them; or None and what needs no features."""


class Pipeline:
    """Runs jobs one after another; decoders and writer work across their borders.

    Args:
        encoders: loaded where they shall run.
        folder: of the feature store; items are found from there, shards are written there.
        pool: the decoder processes.
        done: called with every finished job, in order, from the writer's thread.
        advance: tells the progress.
    """

    def __init__(
        self, encoders: "Encoders", folder: Path, pool: DecoderPool, done: Callable[[JobResult], None], advance: Advance
    ) -> None:
        self._encoders, self._folder, self._pool, self._done, self._advance = encoders, folder, pool, done, advance
        self._digests = {modality: fingerprint(found) for modality, found in encoders.fingerprints.items()}
        self._remote = RemoteDecoding(folder)
        self._open: list[ShardsOfJob] = []
        self._launched: deque[_Step] = deque()
        self.clock = Clock(lambda: pool.busy_s)

    def run(self, jobs: Iterator[Job | None]) -> None:
        """Do `jobs` in order.

        Args:
            jobs: each is asked for when the files of those before it are with the decoders; None says that there may
                be none for a while, and that those begun are to be finished meanwhile.

        Raises:
            MacawError: the disk is full, the device has too little memory, or `done` failed.
        """
        begun: deque[ShardsOfJob] = deque()
        decoded = self._decode_ahead(jobs, begun)
        keep_freed_memory(_KEPT_BYTES // 2, _KEPT_BYTES)
        try:
            with Background(_BATCHES_BEHIND) as writer:
                while (first := next(decoded, None)) is not None:
                    shards = begun.popleft()
                    left = len(shards.job.items) - shards.kept
                    self._run_job(shards, chain([first], islice(decoded, left - 1)), writer)
        finally:  # the writer's thread has ended
            self._remote.close()
            for shards in self._open:
                shards.abandon()

    def _decode_ahead(self, jobs: Iterator[Job | None], begun: deque[ShardsOfJob]) -> _Ahead:
        ahead: deque[tuple[Item, Future[Decoded]]] = deque()
        for job in self.clock.reading(jobs):
            if job is None:
                while ahead:
                    yield ahead.popleft()
                continue
            begun.append(ShardsOfJob(job, self._folder, self._digests))
            self._open.append(begun[-1])
            bound = media_per_batch(job, self._encoders) + _AHEAD_PER_WORKER * self._pool.workers
            for item in job.items[begun[-1].kept :]:
                while len(ahead) >= bound:
                    yield ahead.popleft()
                ahead.append((item, self._submit(job, item)))
        yield from ahead

    def _submit(self, job: Job, item: Item) -> "Future[Decoded]":
        if not is_url(item.file):
            return self._pool.submit(self._request(job, item))
        return self._remote.decode(item, lambda here: self._pool.submit(self._request(job, here)))

    def _request(self, job: Job, item: Item) -> Request:
        file = file_of(item, self._folder)
        request = self._encoders.request(file, job.modality, job.shards, (item.start, item.end))
        if item.offset is not None:
            request |= {"offset": item.offset, "size": item.bytes, "name": item.names[0]}
        return request

    def _run_job(self, shards: ShardsOfJob, decoded: _Ahead, writer: Background) -> None:
        job, done = shards.job, shards.kept
        for modality, name in job.shards.items():
            if name.endswith("-000000.tar") and not done:
                writer.submit(partial(shards.add_null, modality, self._encoders.null(modality)))
        while batch := list(islice(decoded, media_per_batch(job, self._encoders))):
            usable = self._results(batch, job, shards)
            for modality in job.shards:
                self._encode(modality, job, usable, shards, writer)
            done += len(batch)
            self._launched.append((None, partial(shards.batch_done, done)))
            self._hand_on(writer, _LAUNCHED)
            self._advance(len(batch), f"({self.clock.shares()})")
        self._hand_on(writer, 0)
        writer.submit(partial(self._finish, shards))

    def _results(self, batch: "list[tuple[Item, Future[Decoded]]]", job: Job, shards: ShardsOfJob) -> list[_Usable]:
        usable = []
        for item, future in batch:
            try:
                with self.clock.measure("waiting"):
                    decoded = future.result()
                self._require_unchanged(item)
            except InputError as error:
                self._refuse(item, job, error, shards)
                continue
            usable.append((item, decoded))
            if "soundtrack" in decoded[0]:
                self._launched.append((None, partial(shards.refuse, item, "audio", decoded[0]["soundtrack"])))
        return usable

    def _refuse(self, item: Item, job: Job, error: InputError, shards: ShardsOfJob) -> None:
        if not isinstance(error, Passing):
            try:
                self._require_unchanged(item)  # it may be broken because somebody is writing it
            except Passing as cause:
                error = cause
        passing = isinstance(error, Passing)
        refuse = partial(shards.refuse, item, job.modality, self._reason(item, error), passing=passing)
        self._launched.append((None, refuse))  # in its turn: what a batch leaves behind is complete before the next

    def _encode(
        self, modality: Modality, job: Job, usable: list[_Usable], shards: ShardsOfJob, writer: Background
    ) -> None:
        found = [
            (item, _told_of(modality, meta) | self._encoders.about(modality, arrays[modality]), arrays[modality])
            for item, (meta, arrays) in usable
            if modality in arrays
        ]
        if not found:
            return
        copy = HostCopy(lambda: self._encoders.start(modality, [array for _, _, array in found], job.batch))
        self._launched.append((copy, partial(self._write, modality, [(item, meta) for item, meta, _ in found], shards)))
        self._hand_on(writer, _LAUNCHED if copy.running else 0)

    def _hand_on(self, writer: Background, most: int) -> None:
        """Give the writer what is its turn, waiting until at most so many batches are with the GPU."""
        while self._launched:
            copy, task = self._launched[0]
            if copy is not None and sum(step[0] is not None for step in self._launched) <= most:
                return
            self._launched.popleft()
            if copy is not None:
                features, seconds = copy.wait()
                self.clock.add("encode", seconds)
                task = partial(task, features)
            with self.clock.measure("waiting"):
                writer.submit(task)

    def _write(self, modality: Modality, items: list[tuple[Item, dict[str, object]]], shards: ShardsOfJob,
               features: "FeatureArrays") -> None:  # fmt: skip
        with self.clock.measure("write"):
            for (item, meta), feature in zip(items, features, strict=True):
                shards.add(modality, item, meta, feature)

    def _finish(self, shards: ShardsOfJob) -> None:
        with self.clock.measure("write"):
            self._done(shards.finish())
            self._open.remove(shards)

    def _require_unchanged(self, item: Item) -> None:
        """A file that was exchanged after it was hashed would give its features to another file's key.

        Raises:
            Passing: it was, or cannot be read any more. (A changed mode or a new hard link changes the stamp alone.)
        """
        file = file_of(item, self._folder)
        if is_url(file):
            return  # decoded from the copy that was hashed
        try:
            same = stamp_of(file) == item.stamp or _sha256(item, Path(file)) == item.sha256
        except OSError:
            same = False
        if not same:
            raise Passing("It was changed or moved during the extraction: run the command again.")

    def _reason(self, item: Item, error: InputError) -> str:
        file = file_of(item, self._folder)
        return error.problem.replace(f"{file} ", "It ", 1).replace(file, Path(file).name)


def media_per_batch(job: Job, encoders: "Encoders") -> int:
    """Media decoded and encoded together; of videos so many that their frames fill a batch."""
    return max(1, job.batch // encoders.frames) if job.modality == "video" else job.batch


def _told_of(modality: Modality, meta: dict[str, Any]) -> dict[str, Any]:
    """Of a video, which may last longer than its soundtrack, what is true of one of the two."""
    own = {name: value for name, value in meta.items() if name != "audio"}
    return own | meta.get("audio", {}) if modality == "audio" else own


def _sha256(item: Item, path: Path) -> str:
    return sha256_file(path) if item.offset is None else sha256_range(path, item.offset, item.bytes)
