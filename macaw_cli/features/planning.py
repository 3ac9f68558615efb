"""`--plan`: what an extraction would write and how long it would take, from a small sample that is really done."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.remote_files import list_folder
from macaw_cli.basics.urls import is_url, without_secrets
from macaw_cli.config.loading import Workspace
from macaw_cli.features.batch_size import batch_size
from macaw_cli.features.remote.fetched_sample import fetched_sample
from macaw_cli.features.report import ExtractionPlan
from macaw_cli.features.source import Refused, Source
from macaw_cli.features.sources.listing import Survey
from macaw_cli.media.decoder_pool import DecoderPool
from macaw_cli.media.decoding import Request
from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.shards.feature_store import MANIFEST_NAME
from macaw_cli.shards.remote_store import local_copy_of_store
from macaw_cli.shards.store_rows import manifest_rows

if TYPE_CHECKING:
    from macaw_cli.features.encoding import Encoders

_SAMPLE = 16
"""Files per modality that are decoded and encoded to measure."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """Of a sample of one modality.

    Attributes:
        seconds: per file, with decoding and encoding side by side as in the real run.
        bytes: per file; one that failed, or a video without audio, takes fewer.
        failed: files that cannot be decoded.
    """

    seconds: float
    bytes: float
    failed: int


def plan_extraction(
    workspace: Workspace, survey: Survey, media: Iterator[Source | Refused], encoders: "Encoders"
) -> ExtractionPlan:
    """Count, measure a sample and multiply; writes nothing."""
    settings = workspace.settings.features
    store = workspace.place(settings.out)
    known = _known(store)
    batch = batch_size(settings)
    counts, sample = _count(survey, media, known)
    counts.update(survey.uncounted)
    shown = without_secrets(store) if is_url(store) else store
    plan = ExtractionPlan(shown, {}, survey.media.total() - counts.total(), {}, {}, survey.refused)
    with (
        DecoderPool(settings.workers, settings.decode_timeout_s, settings.decode_memory_mib) as pool,
        TemporaryDirectory(prefix="macaw-plan-") as scratch,
    ):
        for modality in MODALITIES:
            if counts[modality]:
                here, fetching = fetched_sample(sample[modality], Path(scratch))
                measured = _measure(pool, encoders, modality, here, batch)
                plan.items[modality] = counts[modality]
                plan.seconds[modality] = max(measured.seconds, fetching) * counts[modality]
                plan.bytes[modality] = round(measured.bytes * counts[modality])
                plan.rejects += measured.failed + len(sample[modality]) - len(here)
    return plan


def _known(store: str) -> set[tuple[str, Modality]]:
    """Names that the store has, wherever it is."""
    folder = Path(store)
    if is_url(store):
        if MANIFEST_NAME not in list_folder(store):
            return set()
        folder = local_copy_of_store(store)
    return {(row["path"], row["modality"]) for _, row in manifest_rows(folder / MANIFEST_NAME) if "key" in row}


def _count(
    survey: Survey, media: Iterator[Source | Refused], known: set[tuple[str, Modality]]
) -> tuple[Counter[Modality], dict[Modality, list[Source]]]:
    """How many are new, and of each modality a sample spread over all of them."""
    every = {modality: -(-count // _SAMPLE) for modality, count in survey.media.items()}
    counts: Counter[Modality] = Counter()
    sample: dict[Modality, list[Source]] = {modality: [] for modality in MODALITIES}
    for source in media:
        if isinstance(source, Refused) or (source.name, source.modality) in known:
            continue
        if counts[source.modality] % every[source.modality] == 0:
            sample[source.modality].append(source)
        counts[source.modality] += 1
    return counts, sample


def _measure(
    pool: DecoderPool, encoders: "Encoders", modality: Modality, sample: list[Source], batch: int
) -> _Measured:
    """Decode and encode the sample; without one, the bytes are those of the largest features."""
    outputs = encoders.outputs(modality)
    requests = [_request(encoders, item, modality, outputs) for item in sample]
    if not requests:
        return _Measured(0.0, sum(map(encoders.item_bytes, outputs)), 0)
    warm_up = [pool.submit(requests[0]) for _ in range(2)]  # starts the processes and loads their libraries
    for future in warm_up:
        future.exception()
    began = time.monotonic()
    decoded = []
    for future in [pool.submit(request) for request in requests]:
        try:
            decoded.append(future.result())
        except InputError:
            continue
    decoding, began = time.monotonic() - began, time.monotonic()
    written = 0
    for output in outputs:
        arrays = [arrays[output] for _, arrays in decoded if output in arrays]
        if arrays:
            written += encoders.stored_bytes(encoders.encode(output, arrays, batch))
    encoding = time.monotonic() - began
    count = len(sample)
    return _Measured(max(decoding, encoding) / count, written / count, count - len(decoded))


def _request(encoders: "Encoders", item: Source, modality: Modality, outputs: tuple[Modality, ...]) -> Request:
    request = encoders.request(item.file, modality, outputs, (item.start, item.end))
    if item.offset is not None and item.size is not None:
        request |= {"offset": item.offset, "size": item.size, "name": item.name}
    return request
