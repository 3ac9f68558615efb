"""One file decoded: the work of the decoder process, also callable directly where there is nothing to fear.

A request and the answer's `meta` are plain JSON; the arrays travel beside it.
"""

import math
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import InputError
from macaw_cli.media.size_limits import SizeLimits, TooLarge
from macaw_cli.modalities.entry import ModalityEntry
from macaw_cli.modalities.table import TABLE, Modality

_SAME_S = 0.05
"""An audio file that is longer by less than this is not cut: headers round."""


class Request(TypedDict, total=False):
    """What to decode: `path` and `modality` always, the rest where it applies."""

    path: str
    modality: Modality
    start: float | None
    """First second of the clip; None is the beginning."""
    end: float | None
    """Last second of the clip; None is the end."""
    frames: int
    """Video: how many, evenly spaced."""
    geometry: dict[str, Any] | None
    """Image and video: resize and crop before answering (see `images.fit_image`); None leaves the size."""
    sampling_rate: int | None
    """Audio, and the soundtrack of a video; None leaves the soundtrack out."""
    max_seconds: float | None
    """Audio: the longest audio that is of use."""
    with_video: bool
    """Video: False gives the soundtrack only."""
    shape: list[int]
    """Without an encoder: (tokens of the longest medium, channels), where that is not the table's."""
    any_shape: bool
    """A series: take any number of steps and columns, within the limits of tables of numbers."""
    decoder: str
    """Video: `pyav` (the default) or `decord`."""
    limits: dict[str, Any] | None
    """Arguments of `size_limits.SizeLimits`: what is larger raises `TooLarge` before it is decoded."""
    offset: int
    """The medium is a piece of the file `path`, a member of an uncompressed tar, that begins at this byte."""
    size: int
    """Bytes of that piece."""
    name: str
    """What the piece is called, in messages too; its extension tells the format."""
    folder: str
    """Where the piece may have a temporary path; DecoderProcess sets it."""


Decoded = tuple[dict[str, Any], dict[str, np.ndarray]]
"""What is known, and the arrays: `image` (H, W, 3), `video` (F, H, W, 3) uint8, `audio` (samples,) fp32; of a modality
without an encoder its features (N, C) fp32 under its name.

Known (`meta`) of an image: `size` [width, height] in the file. Of audio and video: `duration`, seconds of the medium
that was asked for: of the clip, as far as the file reaches, else of the file. `heard`: seconds of audio returned,
only where `max_seconds` left some out; `warning`: what is wrong with audio that can be used. Of a video `frame_times`,
seconds from the beginning of the file; `soundtrack`: why the video's audio cannot be used.
"""


def decode(request: Request) -> Decoded:
    """Decode one file.

    Raises:
        InputError: the reason why it cannot be used.
    """
    from macaw_cli.media.members import member_file

    work = partial(_decoded, TABLE[request["modality"]])
    if request.get("offset") is None:
        return work(request)
    piece = request["path"], request["offset"], request["size"], request["name"]
    with member_file(*piece, request.get("folder")) as file:
        try:
            return work({**request, "path": str(file)})
        except InputError as error:
            raise type(error)(error.problem.replace(str(file), request["name"]), error.hint) from None


def label_of(request: Request) -> str:
    """What messages call the medium."""
    return request["path"] if request.get("offset") is None else request["name"]


def _decoded(row: ModalityEntry, request: Request) -> Decoded:
    """What the decoder of a modality makes of a file; features that it reads itself are checked."""
    module, _, attribute = row.decoder.partition(":")
    decoded: Decoded = getattr(import_module(module), attribute)(request)
    if row.feature_shape is not None:
        shape = None if request.get("any_shape") else tuple(request.get("shape") or row.feature_shape)
        decoded[1][row.name] = _checked_features(decoded[1].get(row.name), shape, request["path"])
    return decoded


def _checked_features(array: Any, shape: tuple[int, ...] | None, path: str) -> np.ndarray:
    """Features (tokens, channels) as the table says; None takes any number of either."""
    features = np.asarray(array, dtype=np.float32)
    longest, channels = shape or features.shape
    if features.ndim != 2 or features.shape[1] != channels:
        raise InputError(f"{path} gives features of shape {features.shape}, expected (tokens, {channels}).")
    if not 1 <= len(features) <= longest:
        raise InputError(f"{path} has {counted(len(features), 'token')}, expected 1 to {longest}.")
    if not np.isfinite(features).all():
        raise InputError(f"{path} holds NaN or infinite numbers.")
    return features


def decode_image(request: Request) -> Decoded:
    """The decoder of images: (H, W, 3), see `Decoded`."""
    from macaw_cli.media.images import MAX_PIXELS, fit_image, load_image

    limits = _limits(request)
    image = load_image(request["path"], limits.pixels if limits else MAX_PIXELS)
    size = [image.width, image.height]
    geometry = request.get("geometry")
    return {"size": size}, {"image": np.asarray(fit_image(image, geometry) if geometry else image)}


def decode_audio(request: Request) -> Decoded:
    """The decoder of audio: its samples, see `Decoded`."""
    from macaw_cli.media.audio import decode_audio

    start, end, limit = request.get("start") or 0.0, request.get("end"), request.get("max_seconds")
    rate = request["sampling_rate"]
    assert rate is not None
    sizes = _limits(request)
    until = math.inf if end is None else end
    until = min(until, math.inf if limit is None else start + limit, sizes.seconds + _SAME_S if sizes else math.inf)
    decoded = decode_audio(request["path"], rate, request.get("start"), None if until == math.inf else until)
    if sizes:
        sizes.require_seconds(request["path"], decoded.duration)
    there = _clip_seconds(decoded.duration, request)
    meta: dict[str, Any] = {"duration": round(there, 3)}
    if limit is not None and there > limit + _SAME_S:
        meta["heard"] = round(len(decoded.samples) / rate, 3)
    if decoded.warning:
        meta["warning"] = decoded.warning
    return meta, {"audio": decoded.samples}


def _limits(request: Request) -> SizeLimits | None:
    given = request.get("limits")
    return SizeLimits(**given) if given else None


def _clip_seconds(duration: float, request: Request) -> float:
    end = request.get("end")
    return max(0.0, (duration if end is None else min(end, duration)) - (request.get("start") or 0.0))


def decode_video(request: Request) -> Decoded:
    """The decoder of videos: frames and soundtrack, see `Decoded`."""
    from macaw_cli.media.containers import has_audio, has_video

    path = request["path"]
    meta: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    if request.get("with_video", True) and has_video(path):
        meta, arrays = _frames(request)
    if request.get("sampling_rate") and has_audio(path):
        try:
            heard, decoded = decode_audio(request)
            meta, arrays = ({**meta, "audio": heard} if arrays else heard), {**arrays, **decoded}
        except TooLarge:
            raise
        except InputError as error:  # a video whose soundtrack is broken, or silent in the clip, is still a video
            if not arrays:
                raise
            meta["soundtrack"] = error.problem
    if not arrays and not has_audio(path):
        raise InputError(f"{path} has neither a video nor an audio stream.")
    return meta, arrays


def _frames(request: Request) -> Decoded:
    from PIL import Image

    from macaw_cli.media.containers import frame_size
    from macaw_cli.media.frame_times import decode_frames, spread_times
    from macaw_cli.media.images import fit_image
    from macaw_cli.media.timeline import timeline_of

    path, limits = Path(request["path"]), _limits(request)
    if limits:
        limits.require_pixels(str(path), *frame_size(path))
    timeline = timeline_of(path)
    if limits:
        limits.require_frames(str(path), len(timeline.times))
        limits.require_seconds(str(path), timeline.duration)
    times = spread_times(timeline.duration, request["frames"], request.get("start"), request.get("end"), timeline.begin)
    frames = decode_frames(path, times, timeline, request.get("decoder", "pyav"))
    if geometry := request.get("geometry"):
        frames = np.stack([np.asarray(fit_image(Image.fromarray(frame), geometry)) for frame in frames])
    duration = round(_clip_seconds(timeline.duration, request), 3)
    return {"duration": duration, "frame_times": [round(time, 3) for time in times]}, {"video": frames}
