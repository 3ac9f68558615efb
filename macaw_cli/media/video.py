"""The client of the decoder process for videos; which times their frames have is in `frame_times.py`."""

import threading
from pathlib import Path

import numpy as np

from macaw_cli.media.decoder_client import DecoderProcess
from macaw_cli.media.decoding import Decoded, Request

_shared = threading.local()


def decode_apart(request: Request) -> Decoded:
    """Decode in a process that can be ended; each thread has one of its own.

    Raises:
        InputError: the reason why the file cannot be used.
    """
    if not hasattr(_shared, "decoder"):
        _shared.decoder = DecoderProcess()
    decoder: DecoderProcess = _shared.decoder
    return decoder.decode(request)


def load_frames(
    path: Path | str, frames: int, start: float | None = None, end: float | None = None
) -> tuple[np.ndarray, list[float]]:
    """Frames of a video, or of the clip from `start` to `end` seconds.

    Args:
        path: the video.
        frames: how many, at the middles of equal parts.
        start: first second; None is the beginning.
        end: last second; None is the end.

    Returns:
        (frames, H, W, 3) uint8 RGB, upright, and their times in seconds.

    Raises:
        InputError: missing, undecodable, without images, or its decoder did not return.
    """
    meta, arrays = decode_apart(
        {"path": str(path), "modality": "video", "frames": frames, "start": start, "end": end}
    )
    if "video" not in arrays:
        from macaw_cli.basics.errors import InputError

        raise InputError(f"{path} has no video stream.")
    return arrays["video"], meta["frame_times"]
