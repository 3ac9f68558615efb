"""`macaw extract-features`: media files to features in shards, each content once."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from macaw_cli.basics import console
from macaw_cli.basics.disk import disk_full_is_told, require_free_space
from macaw_cli.basics.errors import ResourceError, UsageError
from macaw_cli.basics.locks import folder_lock
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Modality
from macaw_cli.features.items import Item, identify
from macaw_cli.features.journal import Job, Journal
from macaw_cli.features.pipeline import Pipeline
from macaw_cli.features.planning import plan_extraction
from macaw_cli.features.report import ExtractionPlan, ExtractionReport
from macaw_cli.features.sources import Listing, list_sources, reject
from macaw_cli.features.store_files import Row, StoreFiles
from macaw_cli.media.decoder_pool import DecoderPool

if TYPE_CHECKING:
    from macaw_cli.features.encoding import Encoders


def extract(
    workspace: Workspace,
    sources: list[str] | None = None,
    *,
    limit: int | None = None,
    retry_rejects: bool = False,
    plan: bool = False,
    gpus: int = 1,
) -> ExtractionReport | ExtractionPlan:
    """Extract the features of all media under `sources` that the store does not have yet.

    Args:
        workspace: its settings say which encoders, where to and how.
        sources: files, folders, patterns or manifests; None takes those of the settings.
        limit: only the first so many media.
        retry_rejects: also try what was rejected before.
        plan: measure a sample, write nothing.
        gpus: how many GPUs to use.

    Raises:
        InputError: nothing to extract. (Too many rejects are for the report to raise, when it was shown.)
        MismatchError: the store holds features of another encoder.
        LockedError: another command is writing there.
        ResourceError: too little disk, memory or GPUs.
    """
    _require_gpus(gpus)
    settings = workspace.settings.features
    listing = list_sources(workspace, sources or list(settings.sources), limit)
    from macaw_cli.features.encoding import load_encoders  # imports torch: a wrong path is told before that

    encoders = load_encoders(workspace, {source.modality for source in listing.media})
    if plan:
        return plan_extraction(workspace, listing.media, encoders)
    store_folder = workspace.path(settings.out)
    _tell_what_is_left_out(listing, encoders)
    with folder_lock(store_folder), disk_full_is_told(store_folder):
        report = _fill_store(workspace, store_folder, listing, encoders, retry_rejects)
    report.inputs = len(listing.media) + len(listing.rejects)
    report.max_reject_ratio = settings.max_reject_ratio
    return report


def _fill_store(
    workspace: Workspace, folder: Path, listing: Listing, encoders: "Encoders", retry_rejects: bool
) -> ExtractionReport:
    began = time.monotonic()
    settings = workspace.settings.features
    store, journal = StoreFiles(folder, _fingerprints(listing, encoders)), Journal(folder)
    items, unreadable = identify(listing.media)
    unreadable = listing.rejects + unreadable
    store.set_rejects(store.rejects + unreadable)

    wanted = _wanted(items, encoders, journal, store if retry_rejects else None)
    journal.plan(wanted, settings.shard_items, settings.batch_size)
    jobs = _with_present_files(store.pending(journal.jobs), items, folder)
    require_free_space(folder, sum(len(job.items) * encoders.item_bytes(kind) for job in jobs for kind in job.shards))

    with DecoderPool(settings.workers, settings.decode_timeout_s, settings.decode_memory_mib) as pool:
        pipeline = Pipeline(encoders, store, pool)
        pipeline.run(jobs)
    _name_copies(items, store)
    store.restore_order(journal.jobs)

    shards = [row for row in store.rows if row.get("items")]
    untouched = {item.key for item in items} - {item.key for job in jobs for item in job.items}
    refused = untouched & {row["key"] for row in store.rejects} - {key for key, _ in store.media_rows()}
    return ExtractionReport(
        store=folder, made=pipeline.made, known=len(untouched) - len(refused), refused=len(refused),
        rejected=pipeline.rejected + len(unreadable), rejects=store.rejects, shards=len(shards),
        bytes=sum(row["bytes"] for row in shards), seconds=time.monotonic() - began, stages=pipeline.clock.seconds,
    )  # fmt: skip


def _fingerprints(listing: Listing, encoders: "Encoders") -> dict[Modality, Row]:
    """Of the modalities that the listing can give: a store of images says nothing of films."""
    present = {output for source in listing.media for output in encoders.outputs(source.modality)}
    return {modality: found for modality, found in encoders.fingerprints.items() if modality in present}


def _wanted(
    items: list[Item], encoders: "Encoders", journal: Journal, retry: StoreFiles | None
) -> list[tuple[Item, tuple[Modality, ...]]]:
    """Items with the modalities that no job has made or tried; with `retry`, rejected ones again."""
    planned: set[tuple[str, Any]] = set(journal.planned())
    if retry:
        planned -= {(row["key"], row["modality"]) for row in retry.rejects}
    wanted = []
    for item in items:
        outputs = tuple(kind for kind in encoders.outputs(item.modality) if (item.key, kind) not in planned)
        if outputs:
            wanted.append((item, outputs))
    return wanted


def _with_present_files(jobs: list[Job], items: list[Item], folder: Path) -> list[Job]:
    """Unfinished jobs whose files are there; the files of an earlier command may have been moved since.

    A job none of whose files can be found is left for the command that names its sources.
    """
    now = {(item.key, item.modality): str(Path(item.file).absolute()) for item in items}
    ready = []
    for job in jobs:
        for item in job.items:
            item.file = now.get((item.key, item.modality), item.file)
        if any((folder / item.file).exists() for item in job.items):
            ready.append(job)
        else:
            console.say(f"Shard {', '.join(job.shards.values())} stays unfinished: its files are not here any more.")
    return ready


def _name_copies(items: list[Item], store: StoreFiles) -> None:
    """Manifest and reject rows for names that came after the content was dealt with, such as a copy or a moved file."""
    media, names = store.media_rows(), store.by_name()
    copies = [
        {**row, "path": name}
        for item in items
        for kind in ("image", "audio", "video")
        if (row := media.get((item.key, kind))) and item.modality in (kind, "video")
        for name in item.names
        if names.get((name, kind)) != item.key
    ]
    reasons = {(row["key"], row["modality"]): row["reason"] for row in store.rejects if row["key"]}
    rejects = [
        reject(name, item.modality, reasons[item.key, item.modality], item.key)
        for item in items
        if (item.key, item.modality) in reasons
        for name in item.names
    ]
    if copies or rejects:
        store.commit(copies, rejects)


def _tell_what_is_left_out(listing: Listing, encoders: "Encoders") -> None:
    if listing.ignored:
        console.say(f"{listing.ignored} files are neither images, sounds nor films and are left out.")
    if encoders.audio is None and any(source.modality == "video" for source in listing.media):
        console.say("No features.audio_encoder.model is set: the films' soundtracks are left out.")


def _require_gpus(gpus: int) -> None:
    if gpus <= 1:
        return
    import torch

    found = torch.cuda.device_count()
    if gpus > found:
        raise ResourceError(f"--gpus {gpus}: this machine has {found}.", "Leave --gpus out, or give at most that many.")
    raise UsageError("--gpus: features are extracted on one GPU for now.", "Leave --gpus out.")
