"""One medium of a feature store as a card of a page: what it is, and what the encoder gave for it."""

import os
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from urllib.parse import quote

import numpy as np

from macaw_cli.inspection.description import shape_text
from macaw_cli.inspection.feature_images import FRAME_PX, HeatMaps, heat_maps, thumbnail, waveform
from macaw_cli.inspection.feature_samples import LONGEST_AUDIO_S, MediaSample
from macaw_cli.modalities.table import TABLE
from macaw_cli.reports.page import EmbeddedFile

FRAMES_SHOWN = 12
SILENCE = 1e-4
"""Amplitude, 80 dB below full scale."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a page shows of one medium.

    Attributes:
        sample: the medium, decoded where it could be.
        link: to it from where the page will be; empty where it is not to be had.
        images: what it looks or audio files like, and maps of its features; none of a video.
        frames: of a video: a time, which may be empty, with the frame and its map, as far as there are both.
        facts: shape, length, strength of the features.
    """

    sample: MediaSample
    link: str
    images: list[EmbeddedFile]
    frames: list[tuple[str, list[EmbeddedFile]]]
    facts: list[str]


def card(sample: MediaSample, page_folder: Path) -> Card:
    """The card of one medium.

    Args:
        sample: the medium, decoded where it could be.
        page_folder: where the page will be; the link to the medium starts there.
    """
    row, maps = sample.row, HeatMaps([], "")
    if sample.features is not None:
        maps = heat_maps(sample.features, sample.null, over_time=row.modality == "audio")
    facts = [shape_text(row.shape), *_length(sample), *([maps.note] if maps.note else [])]
    if row.modality == "video":
        return Card(sample, _link(sample, page_folder), [], _frames(sample, maps), facts)
    return Card(sample, _link(sample, page_folder), [*_medium(sample), *maps.images], [], facts)


def _medium(sample: MediaSample) -> list[EmbeddedFile]:
    if "audio" in sample.arrays:
        return [waveform(sample.arrays["audio"], sample.row.path)]
    images = [array for name, array in sample.arrays.items() if TABLE[name].is_image]
    return [thumbnail(image, sample.row.path) for image in images]


def _frames(sample: MediaSample, maps: HeatMaps) -> list[tuple[str, list[EmbeddedFile]]]:
    """Frames with the seconds at which they were encoded, the map of each one's features below it."""
    decoded = sample.arrays.get("video", np.empty(0))
    times = sample.about.get("frame_times") or sample.meta.get("frame_times") or []
    count = max(len(decoded), len(maps.images))
    shown = np.unique(np.linspace(0, count - 1, min(count, FRAMES_SHOWN)).round().astype(int)).tolist()
    if len(shown) < count:
        sample.notes.append(f"{len(shown)} of {count} frames are shown")
    frames = []
    for number, (pixels, features) in enumerate(zip_longest(decoded, maps.images)):
        if number in shown:
            time = f"{times[number]:.2f} s" if number < len(times) else ""
            images = [] if pixels is None else [thumbnail(pixels, f"{sample.row.path} at {time}", FRAME_PX)]
            frames.append((time, [*images, *([features] if features else [])]))
    return frames


def _length(sample: MediaSample) -> list[str]:
    duration = sample.row.meta.get("duration", sample.about.get("duration", sample.meta.get("duration")))
    if duration is None:
        size = sample.about.get("size")
        return [f"{size[0]} x {size[1]} pixels"] if size else []
    length = [f"{float(duration):.2f} s"]
    if "audio" in sample.arrays:
        heard = sample.about.get("heard")
        if heard is not None:
            length.append(f"the encoder heard the first {heard:.2f} s")
        if float(heard or duration) > LONGEST_AUDIO_S:
            length.append(f"{LONGEST_AUDIO_S:.0f} s are drawn")
        peak = float(np.abs(sample.arrays["audio"]).max(initial=0.0))
        length.append(f"loudest {20 * np.log10(peak):.0f} dB" if peak > SILENCE else "silent")
    return length


def _link(sample: MediaSample, page_folder: Path) -> str:
    if sample.file is None:
        return ""
    place = os.path.relpath(sample.file, page_folder.absolute()).replace(os.sep, "/")
    return f"./{quote(place, errors='surrogateescape')}"
