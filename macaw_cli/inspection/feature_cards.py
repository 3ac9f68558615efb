"""One medium of a feature store as a card of HTML: what it is, and what the encoder gave for it."""

import os
from collections.abc import Iterator
from html import escape
from itertools import zip_longest
from pathlib import Path
from urllib.parse import quote

import numpy as np

from macaw_cli.inspection.description import shape_text
from macaw_cli.inspection.feature_pictures import FRAME_PX, HeatMaps, heat_maps, thumbnail, waveform
from macaw_cli.inspection.feature_samples import LONGEST_SOUND_S, MediaSample

FRAMES_SHOWN = 12
SILENCE = 1e-4
"""Of a full scale of 1: 80 dB below the loudest that a file can hold."""


def card(sample: MediaSample, page_folder: Path) -> str:
    """The card of one medium.

    Args:
        sample: the medium, decoded where it could be.
        page_folder: where the page will be; the link to the medium starts there.
    """
    row = sample.row
    maps = HeatMaps([], "")
    if sample.features is not None:
        maps = heat_maps(sample.features, sample.null, over_time=row.modality == "audio")
    pictures = "".join(_pictures(sample, maps))
    facts = [shape_text(row.shape), *_length(sample), *([maps.note] if maps.note else [])]
    flags = "".join(f"<p class=flag>{escape(flag)}</p>" for flag in sample.flags)
    notes = "".join(f"<p class=note>{escape(note)}</p>" for note in sample.notes)
    return (
        f'<article class="card {row.modality}{" flagged" if sample.flags else ""}" data-path="{escape(row.path)}">'
        f"<h4>{_link(sample, page_folder)}</h4>{pictures}{flags}{notes}"
        f"<p class=facts>{escape(' · '.join(facts))}<br><code>{escape(row.key)}</code></p></article>\n"
    )


def _pictures(sample: MediaSample, maps: HeatMaps) -> Iterator[str]:
    if "audio" in sample.arrays:
        yield waveform(sample.arrays["audio"], sample.row.path)
    if sample.row.modality == "video":
        yield _frames(sample, maps)
        return
    if "image" in sample.arrays:
        picture = thumbnail(sample.arrays["image"], sample.row.path)
        yield f"<div class=pair>{picture}{''.join(maps.pictures)}</div>"
    else:
        yield "".join(maps.pictures)


def _frames(sample: MediaSample, maps: HeatMaps) -> str:
    """Frames with the seconds at which they were encoded, the map of each one's features below it."""
    frames = sample.arrays.get("video", np.empty(0))
    times = sample.about.get("frame_times") or sample.meta.get("frame_times") or []
    count = max(len(frames), len(maps.pictures))
    shown = np.unique(np.linspace(0, count - 1, min(count, FRAMES_SHOWN)).round().astype(int)).tolist()
    if len(shown) < count:
        sample.notes.append(f"{len(shown)} of {count} frames are shown")
    columns = []
    for number, (frame, picture) in enumerate(zip_longest(frames, maps.pictures)):
        if number in shown:
            time = f"{times[number]:.2f} s" if number < len(times) else ""
            image = "" if frame is None else thumbnail(frame, f"{sample.row.path} at {time}", FRAME_PX)
            columns.append(f"<figure>{image}{picture or ''}<figcaption>{time}</figcaption></figure>")
    return f"<div class=frames>{''.join(columns)}</div>"


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
        if float(heard or duration) > LONGEST_SOUND_S:
            length.append(f"{LONGEST_SOUND_S:.0f} s are drawn")
        peak = float(np.abs(sample.arrays["audio"]).max(initial=0.0))
        length.append(f"loudest {20 * np.log10(peak):.0f} dB" if peak > SILENCE else "silent")
    return length


def _link(sample: MediaSample, page_folder: Path) -> str:
    name = escape(sample.row.path)
    if sample.file is None:
        return name
    target = quote(os.path.relpath(sample.file, page_folder.absolute()).replace(os.sep, "/"), errors="surrogateescape")
    return f'<a href="./{escape(target)}">{name}</a>'
