"""One file decoded: the work of the decoder process, also callable directly where there is nothing to fear.

A request and the answer's `meta` are plain JSON; the arrays travel beside it.
"""

from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from macaw_cli.basics.errors import InputError
from macaw_cli.config.settings import Modality


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
    """Audio: the longest sound that is of use."""
    pictures: bool
    """Video: False gives the soundtrack only."""
    decoder: str
    """Video: `decord` or `pyav`."""


Decoded = tuple[dict[str, Any], dict[str, np.ndarray]]
"""`meta` (duration, frame_times) and arrays: `image` (H, W, 3), `video` (F, H, W, 3) uint8, `audio` (samples,) fp32."""


def decode(request: Request) -> Decoded:
    """Decode one file.

    Raises:
        InputError: the reason why it cannot be used.
    """
    return {"image": _image, "audio": _audio, "video": _video}[request["modality"]](request)


def _image(request: Request) -> Decoded:
    from macaw_cli.media.images import fit_image, load_image

    image = load_image(request["path"])
    size = [image.width, image.height]
    geometry = request.get("geometry")
    return {"size": size}, {"image": np.asarray(fit_image(image, geometry) if geometry else image)}


def _audio(request: Request) -> Decoded:
    from macaw_cli.media.audio import load_sound

    start, end, limit = request.get("start"), request.get("end"), request.get("max_seconds")
    if limit is not None:
        end = min((start or 0.0) + limit, end if end is not None else float("inf"))
    rate = request["sampling_rate"]
    assert rate is not None
    sound = load_sound(request["path"], rate, start, end)
    return {"duration": round(sound.duration, 3)}, {"audio": sound.samples}


def _video(request: Request) -> Decoded:
    from macaw_cli.media.containers import has_pictures, has_sound

    path = request["path"]
    meta: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    if request.get("pictures", True) and has_pictures(path):
        meta, arrays = _pictures(request)
    if request.get("sampling_rate") and has_sound(path):
        try:
            heard, sound = _audio(request)
            meta, arrays = {**heard, **meta}, {**arrays, **sound}
        except InputError as error:  # a film whose soundtrack is broken, or silent in the clip, is still a film
            if not arrays:
                raise
            meta["soundtrack"] = error.problem
    if not arrays and not has_sound(path):
        raise InputError(f"{path} has neither pictures nor sound in it.")
    return meta, arrays


def _pictures(request: Request) -> Decoded:
    from PIL import Image

    from macaw_cli.media.containers import video_info
    from macaw_cli.media.frames import decode_frames, spread_times
    from macaw_cli.media.images import fit_image

    path = Path(request["path"])
    info = video_info(path)
    times = spread_times(info.duration, request["frames"], request.get("start"), request.get("end"))
    frames = decode_frames(path, times, info, request.get("decoder", "decord"))
    if geometry := request.get("geometry"):
        frames = np.stack([np.asarray(fit_image(Image.fromarray(frame), geometry)) for frame in frames])
    meta = {"duration": round(info.duration, 3), "frame_times": [round(time, 3) for time in times]}
    return meta, {"video": frames}
