"""A sample of a store's media, decoded anew beside the features that are stored of them."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.inspection.feature_suspicions import Twins, suspicions
from macaw_cli.inspection.media_lookup import MediaPlaces
from macaw_cli.media.decoder_pool import DecoderPool
from macaw_cli.media.decoding import Decoded, Request
from macaw_cli.media.kinds import modality_of
from macaw_cli.modalities.table import TABLE, Modality
from macaw_cli.shards.feature_rows import FeatureRow
from macaw_cli.shards.feature_store import FeatureStore

DECODED_EDGE_PX = 160
WAVE_RATE_HZ = 8000
LONGEST_AUDIO_S = 120.0
"""Audio that is drawn; a longer one says so."""
_BILINEAR = 2
_AHEAD_PER_WORKER = 2


@dataclass(slots=True)
class MediaSample:
    """One medium of the store.

    Attributes:
        row: its manifest row.
        about: the JSON beside its features.
        features: None when they cannot be read.
        null: the features of an empty input, when the store has them.
        flags: what is suspicious.
        notes: what else to know, such as copies.
        file: where the medium is now; None when it cannot be had.
        meta: what decoding it now says.
        arrays: what decoding it now gives: `image`, `video` or `audio`.
    """

    row: FeatureRow
    about: dict[str, Any] = field(default_factory=dict)
    features: np.ndarray | None = None
    null: np.ndarray | None = None
    flags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    file: Path | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def media_samples(store: FeatureStore, modality: Modality, count: int, pool: DecoderPool) -> Iterator[MediaSample]:
    """Evenly spread media of a modality; those that come next are being decoded meanwhile, few at a time."""
    rows = list({row.key: row for row in store.spread(modality, count)}.values())
    places, twins = MediaPlaces(store.folder, {row.key for row in rows}), Twins()
    waiting: deque[tuple[MediaSample, Future[Decoded] | None]] = deque()
    for row in rows:
        sample = _with_features(store, row, twins)
        sample.file = places.find(row.path, row.key)
        waiting.append((sample, pool.submit(_request(sample, sample.file)) if sample.file else None))
        if len(waiting) > _AHEAD_PER_WORKER * pool.workers:
            yield _with_medium(*waiting.popleft())
    while waiting:
        yield _with_medium(*waiting.popleft())


def _with_features(store: FeatureStore, row: FeatureRow, twins: Twins) -> MediaSample:
    sample = MediaSample(row)
    try:
        empty = store.null_row(row.modality)
        sample.features, sample.about = store.read(row), store.about(row)
        sample.null = store.read(empty) if empty else None
        sample.flags = suspicions(sample.features, sample.null)
        if twin := twins.twin_of(row.key, row.path, sample.features):
            sample.flags.append(f"the same features as {twin}, whose content differs")
    except DamagedError as error:
        sample.flags.append(f"its features cannot be read: {error.problem}")
    copies = [path for path in store.copies(row) if path != row.path]
    if copies:
        more = f" and {len(copies) - 2} more" if len(copies) > 2 else ""
        sample.notes.append(f"same content: {', '.join(copies[:2])}{more}")
    return sample


def _request(sample: MediaSample, file: Path) -> Request:
    """The same clip and the same number of frames as were encoded, but small."""
    modality = sample.row.modality
    geometry = {"size": {"shortest_edge": DECODED_EDGE_PX}, "resample": _BILINEAR, "crop": None}
    request: Request = {
        "path": str(file), "modality": modality, "start": sample.about.get("start"), "end": sample.about.get("end"),
        "geometry": geometry, "frames": len(sample.about.get("frame_times") or ()) or sample.row.shape[0],
        "sampling_rate": None, "max_seconds": None,
    }  # fmt: skip
    if TABLE[modality].encoder is None:
        request["shape"] = list(sample.row.shape)
    if modality == "audio":
        is_video = modality_of(file) == "video"
        request |= {"modality": "video" if is_video else "audio", "with_video": False}
        heard = float(sample.about.get("heard", LONGEST_AUDIO_S))
        request |= {"sampling_rate": WAVE_RATE_HZ, "max_seconds": min(heard, LONGEST_AUDIO_S)}
    return request


def _with_medium(sample: MediaSample, future: "Future[Decoded] | None") -> MediaSample:
    if future is None or sample.file is None:
        sample.notes.append("its file is no longer here")
        return sample
    try:
        sample.meta, sample.arrays = future.result()
        stored = sample.about.get("frame_times")
        if sample.row.modality == "video" and stored and sample.meta.get("frame_times") != stored:
            sample.notes.append("its frames have other times than those that were encoded")
    except InputError as error:
        reason = error.problem.replace(f"{sample.file} ", "it ", 1).replace(str(sample.file), sample.file.name)
        sample.notes.append(f"cannot be shown: {reason}")
    recorded = sample.about.get("bytes")
    if recorded is not None and sample.file.is_file() and sample.file.stat().st_size != recorded:
        sample.notes.append("its file has changed since it was encoded")
    return sample
