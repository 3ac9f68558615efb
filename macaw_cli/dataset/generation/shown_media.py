"""Media as parts of a prompt: images and frames made smaller, audio as WAV, all inside the request (no URLs)."""

import base64
import io
import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from macaw_cli.basics.errors import InputError
from macaw_cli.media.audio import load_audio
from macaw_cli.media.images import load_image
from macaw_cli.media.video import load_frames
from macaw_cli.modalities.table import Modality

LONGEST_SIDE = 512
"""Pixels; what current models read in one tile, and the cheapest step of their prices."""
FRAMES = 6
"""Of a video, at the middles of equal parts."""
JPEG_QUALITY = 85
SAMPLING_RATE = 16_000
LONGEST_AUDIO_S = 30.0
"""Seconds from the beginning."""
_TO_INT16 = 32767
Part = dict[str, Any]


def media_parts(media: Sequence[tuple[Modality, Path]]) -> list[Part]:
    """The content parts that show some media, in order.

    Args:
        media: modality and file of each.

    Returns:
        `image_url` parts with data URLs (one per frame for videos), and `input_audio` parts.

    Raises:
        InputError: a file is missing or cannot be decoded, or its modality cannot be shown.
    """
    return [part for modality, path in media for part in _shown(modality)(path)]


def _shown(modality: Modality) -> Callable[[Path], list[Part]]:
    if modality not in _SHOWN:
        raise InputError(f"media of the modality {modality} cannot be sent to a model; leave out --show-media")
    return _SHOWN[modality]


def _image(path: Path) -> list[Part]:
    return [_image_part(load_image(path))]


def _video(path: Path) -> list[Part]:
    frames, _ = load_frames(path, FRAMES)
    return [_image_part(Image.fromarray(frame)) for frame in frames]


def _audio(path: Path) -> list[Part]:
    samples = load_audio(path, SAMPLING_RATE)[: int(LONGEST_AUDIO_S * SAMPLING_RATE)]
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLING_RATE)
        file.writeframes((np.clip(samples, -1.0, 1.0) * _TO_INT16).astype("<i2").tobytes())
    data = base64.b64encode(content.getvalue()).decode()
    return [{"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}]


def _image_part(image: Image.Image) -> Part:
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    image.save(content, "JPEG", quality=JPEG_QUALITY)
    data = base64.b64encode(content.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}


_SHOWN: dict[Modality, Callable[[Path], list[Part]]] = {"image": _image, "audio": _audio, "video": _video}
