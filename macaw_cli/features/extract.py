"""`macaw extract-features`: media files to features in shards, each content once."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from macaw_cli.basics import console
from macaw_cli.basics.background import Ahead
from macaw_cli.basics.command_line import same_config
from macaw_cli.basics.disk import free_space, require_free_space
from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.basics.shell_words import to_type
from macaw_cli.basics.sigterm import sigterm_is_raised
from macaw_cli.config.loading import Workspace
from macaw_cli.features.batch_size import batch_size
from macaw_cli.features.engines.engine_choice import choose_engine, on_cpu, works_elsewhere
from macaw_cli.features.hash_cache import HashCache
from macaw_cli.features.items import identify, unchanged
from macaw_cli.features.journal import Job, Journal
from macaw_cli.features.kept_summary import kept_is_told, what_is_kept
from macaw_cli.features.output.outputs import SHARDS_HERE, Output, open_output
from macaw_cli.features.output_checks import require_own_place
from macaw_cli.features.partial_shards import (
    PartialJob,
    partial_job,
    remove_partial_without_job,
    retry_partial,
)
from macaw_cli.features.planning import plan_extraction
from macaw_cli.features.precision import settle_precision
from macaw_cli.features.remote.fetching import Staging
from macaw_cli.features.report import ExtractionPlan, ExtractionReport
from macaw_cli.features.scheduling import Scheduler
from macaw_cli.features.shard_rows import JobResult
from macaw_cli.features.source import Source
from macaw_cli.features.sources.listing import Survey, list_sources, names_of_manifests, survey_sources
from macaw_cli.features.store_files import Row, StoreFiles
from macaw_cli.modalities.table import Modality, in_words

if TYPE_CHECKING:
    from macaw_cli.features.encoding import Encoders

_JOBS_AHEAD = 1
"""Jobs that are hashed and written into the journal before the one in work is finished."""
_GO_ON = "Run the same command again: it continues."


def extract(
    workspace: Workspace,
    sources: list[str] | None = None,
    *,
    limit: int | None = None,
    retry_rejects: bool = False,
    plan: bool = False,
    gpus: int | None = None,
) -> ExtractionReport | ExtractionPlan:
    """Extract the features of all media under `sources` that the store does not have yet.

    Args:
        workspace: its settings say which encoders, where to and how.
        sources: files, folders, patterns or manifests; None takes those of the settings.
        limit: only the first so many media of the sources; also when an earlier run began with more.
        retry_rejects: also try what was rejected before.
        plan: measure a sample, write nothing.
        gpus: how many GPUs to use; None is one, with the engine `ray` all of the cluster.

    Raises:
        InputError: nothing to extract, or `features.out` is not macaw's, or is, contains or lies inside a source. (Too
            many rejects are for the report to raise, when it was shown.)
        UsageError: `features.precision` is `auto`, and the devices of the Ray cluster are unknown.
        MismatchError: the store holds features of another encoder.
        LockedError: another command is writing there.
        ResourceError: too little disk, memory or GPUs.
        Interrupted: SIGTERM arrived.
    """
    settings = workspace.settings.features
    elsewhere = works_elsewhere(settings, gpus)
    named = sources or list(settings.sources)
    require_own_place(workspace, named)
    survey = survey_sources(workspace, named, limit)
    from macaw_cli.features.encoding import load_encoders  # imports torch: a wrong path is told before that

    workspace = settle_precision(workspace, gpus)
    encoders = load_encoders(on_cpu(workspace) if elsewhere and not plan else workspace, set(survey.media))
    if plan:
        return plan_extraction(workspace, survey, list_sources(workspace, named, limit), encoders)
    _tell_what_is_left_out(survey, encoders)
    try:
        with sigterm_is_raised(), open_output(workspace.place(settings.out)) as output:
            extraction = _Extraction(workspace, output, survey, encoders, gpus)
            with kept_is_told(extraction.kept):
                return extraction.run(named, limit, retry_rejects)
    except KeyboardInterrupt:
        console.say(_GO_ON)
        raise


class _Extraction:
    """One run over a store that is locked."""

    def __init__(
        self, workspace: Workspace, output: Output, survey: Survey, encoders: "Encoders", gpus: int | None
    ) -> None:
        self._workspace, self._settings = workspace, workspace.settings.features
        self._output, self._folder = output, output.folder
        self._survey, self._encoders = survey, encoders
        self._engine = choose_engine(workspace, output.folder, encoders, set(survey.media), gpus)
        self._fingerprints = _fingerprints(survey, encoders)
        self._store = StoreFiles(output.folder, self._fingerprints, output.sizes)
        self._kept: dict[int, PartialJob] = {}
        """By job, what an earlier run has left of it."""
        self._report = ExtractionReport(
            output.place,
            max_reject_ratio=self._settings.max_reject_ratio,
            next_command=_next_command(workspace),
            audio_windows=self._settings.audio_windows,
        )

    def run(self, sources: list[str], limit: int | None, retry_rejects: bool) -> ExtractionReport:
        """Schedule, extract, tidy up, report."""
        began, settings = time.monotonic(), self._settings
        reread = names_of_manifests(self._workspace, sources) if limit is None else set()
        self._require_space(sources, limit)
        if retry_rejects and (dropped := retry_partial(self._folder)):
            console.say(f"{dropped} files after the first rejected file of an unfinished shard are encoded again.")
        scheduler = Scheduler(
            Journal(self._folder), self._store, self._encoders.outputs, self._fingerprints,
            (settings.shard_items, batch_size(settings)), retry_rejects=retry_rejects,
        )  # fmt: skip
        scheduler.expect(lambda: list_sources(self._workspace, sources, limit), only_these=limit is not None)
        with Staging(self._folder, set(self._survey.media)) as staging, closing(HashCache(self._folder)) as cache:
            stopping = Event()
            listed = list_sources(self._workspace, sources, limit, staging)
            is_here = partial(unchanged, base=self._folder, cache=cache, staging=staging, stopping=stopping.is_set)
            with closing(identify(listed, cache, self._folder, staging, stopping.is_set)) as found:
                self._work(scheduler, scheduler.jobs(found, is_here), stopping)
        remove_partial_without_job(self._folder, Journal(self._folder).read())
        self._tell_unfinished(scheduler.tally.lost, "its files are not among the sources of this command")
        self._tell_unfinished(scheduler.tally.beyond, "it has files beyond --limit")
        self._store.add_rejects(scheduler.tally.unreadable, reread)
        self._store.name_copies(scheduler.tally.copies)
        self._complete_report(scheduler)
        self._report.seconds = time.monotonic() - began
        return self._report

    def _work(self, scheduler: Scheduler, jobs: Iterator[Job], stopping: Event) -> None:
        with (
            console.progress("Extracting features", self._survey.media.total(), "files") as advance,
            Ahead(self._without_kept(jobs, advance), _JOBS_AHEAD, stopping) as scheduled,
        ):
            scheduler.settled = lambda count: advance(0, "", count)
            publish = partial(self._output.publish, commit=self._commit)
            self._report.stages = self._engine.run(scheduled, publish, advance)
            self._output.wait()

    def _without_kept(self, jobs: Iterator[Job], advance: console.Advance) -> Iterator[Job]:
        """Pass `jobs` on without the files that an interrupted run has dealt with."""
        digests = {modality: fingerprint(found) for modality, found in self._fingerprints.items()}
        for job in jobs:
            if kept := partial_job(self._folder, job, digests):
                self._kept[job.number] = kept
                advance(0, "", kept.items)
            yield replace(job, kept=kept.items) if kept else job

    def kept(self) -> str:
        """See `what_is_kept`."""
        return what_is_kept(self._store, self._output)

    def _commit(self, result: JobResult) -> None:
        self._store.commit(result.job, result.rows, result.rejects)
        self._report.take(result, self._kept.pop(result.job, None))

    def _require_space(self, sources: list[str], limit: int | None) -> None:
        """Media are counted by name, as they are not hashed yet, and only where the disk could not take them all."""
        wanted = self._bytes_of(self._survey.media)
        if wanted > free_space(self._folder):
            new = (
                source.modality
                for source in list_sources(self._workspace, sources, limit)
                if isinstance(source, Source) and self._store.key_of(source.name, source.modality) is None
            )
            require_free_space(self._folder, self._bytes_of(Counter(new)))

    def _bytes_of(self, media: Counter[Modality]) -> int:
        """So much should be free: the least that will be written, at least one shard of the largest features.

        Of a remote store only the shards that are not sent yet are here.
        """
        settings = self._settings
        wanted = largest = 0
        for modality, count in media.items():
            for output in self._encoders.outputs(modality):
                most = self._encoders.item_bytes(output)
                shard = min(count, settings.shard_items) * most  # an upper bound where features vary in size
                wanted, largest = wanted + max(count * self._encoders.least_bytes(output), shard), max(largest, most)
        return wanted if self._output.sizes is None else min(wanted, SHARDS_HERE * settings.shard_items * largest)

    def _tell_unfinished(self, jobs: list[Job], why: str) -> None:
        for job in jobs:
            shards = ", ".join(job.shards.values())
            console.say(f"Shard {shards} is left unfinished: {why}.")

    def _complete_report(self, scheduler: Scheduler) -> None:
        report, tally = self._report, scheduler.tally
        report.rejects = self._store.tidy()
        report.known, report.refused, report.unfinished = tally.known, tally.refused, tally.unfinished
        report.give_up(tally.unreadable)
        report.inputs = self._survey.media.total() + self._survey.refused
        report.shards, report.bytes = self._store.shard_totals()


def _fingerprints(survey: Survey, encoders: "Encoders") -> dict[Modality, Row]:
    """Of the modalities that the sources can give: a store of images says nothing of videos."""
    present = {output for modality in survey.media for output in encoders.outputs(modality)}
    return {modality: found for modality, found in encoders.fingerprints.items() if modality in present}


def _next_command(workspace: Workspace) -> str:
    """Naming the store where the settings do not."""
    settings = workspace.settings
    known = any(workspace.place(store) == workspace.place(settings.features.out) for store in settings.dataset.features)
    store = "" if known else f" {to_type('--features', settings.features.out)}"
    return f"macaw build-dataset{store}{same_config('extract-features')}"


def _tell_what_is_left_out(survey: Survey, encoders: "Encoders") -> None:
    if survey.ignored:
        console.say(f"Files that are neither {in_words('nor')} are left out: {survey.left_out}.")
    if encoders.audio is None and survey.media["video"]:
        console.say("features.audio_encoder.model is not set: the soundtracks of videos are skipped.")
