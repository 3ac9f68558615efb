"""The media of a dataset's conversations for a page: small images, frames of videos, and audio that can be played.

A file is shown only when its bytes are those that the dataset was made from, which its key tells. So a dataset of
somebody else cannot bring a file of this machine onto a page by naming its path.
"""

import hashlib
import wave
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.fingerprints import sha256_file
from macaw_cli.inspection.feature_images import FRAME_PX, thumbnail
from macaw_cli.inspection.media_lookup import MediaPlaces, workspace_of
from macaw_cli.media.decoder_pool import DecoderPool
from macaw_cli.media.decoding import Request
from macaw_cli.media.kinds import modality_of
from macaw_cli.modalities.table import TABLE
from macaw_cli.reports.page import EmbeddedFile
from macaw_cli.shards.training_rows import MediaRef

KEY_DIGITS = 32
LARGEST_FILE = 1 << 30
"""Bytes of a file that is read to see whether it is still the same."""
DECODED_EDGE_PX = 160
FRAMES = 4
AUDIO_RATE_HZ, AUDIO_SECONDS = 16_000, 6.0
_BILINEAR = 2


class ShownMedia:
    """Decodes the media of a page, each once.

    Args:
        folder: of the dataset.
        info: its `dataset.json`, which names the feature stores.
        keys: of the media that will be asked for.
        pool: decodes.
        most_bytes: embedded at most; whatever comes after them is named alone.
    """

    def __init__(
        self, folder: Path, info: Mapping[str, Any], keys: set[str], pool: DecoderPool, most_bytes: int
    ) -> None:
        names = [Path(store.get("folder", "")).name for store in info.get("feature_stores") or []]
        stores = [workspace_of(folder) / name for name in names]
        self._places = [MediaPlaces(store, keys) for store in stores] or [MediaPlaces(folder, ())]
        self._pool, self._left = pool, most_bytes
        self._done: dict[tuple[str, str], tuple[list[EmbeddedFile], str]] = {}

    def of(self, ref: MediaRef) -> tuple[list[EmbeddedFile], str]:
        """What to embed of a medium, and a note where that is nothing or not all."""
        identity = ref.modality, ref.key
        if identity not in self._done:
            self._done[identity] = self._shown(ref)
        return self._done[identity]

    def _shown(self, ref: MediaRef) -> tuple[list[EmbeddedFile], str]:
        if self._left <= 0:
            return [], "not shown: the page is large enough"
        file = next((file for places in self._places if (file := places.find(ref.source, ref.key))), None)
        if file is None:
            return [], "its file is no longer here"
        if not is_content(file, ref):
            return [], "its file is not the one that the dataset was made from"
        try:
            files = self._decoded(file, ref)
        except InputError as error:
            return [], f"cannot be shown: {error.problem.replace(str(file), file.name)}"
        self._left -= sum(len(one.content) for one in files)
        long = ref.modality == "audio" and (ref.seconds or 0.0) > AUDIO_SECONDS
        return files, f"the first {AUDIO_SECONDS:.0f} s" if long else ""

    def _decoded(self, file: Path, ref: MediaRef) -> list[EmbeddedFile]:
        start, end = _clip(ref.source)
        geometry = {"size": {"shortest_edge": DECODED_EDGE_PX}, "resample": _BILINEAR, "crop": None}
        request: Request = {
            "path": str(file), "modality": ref.modality, "start": start, "end": end, "geometry": geometry,
            "frames": FRAMES, "sampling_rate": None, "max_seconds": None,
        }  # fmt: skip
        if TABLE[ref.modality].encoder is None:
            request["shape"] = list(ref.shape)
        if ref.modality == "audio":
            video = modality_of(file) == "video"
            request |= {"modality": "video" if video else "audio", "with_video": False}
            request |= {"sampling_rate": AUDIO_RATE_HZ, "max_seconds": AUDIO_SECONDS}
        _, arrays = self._pool.submit(request).result()
        if ref.modality == "audio":
            return [wav(arrays["audio"], ref.source)] if "audio" in arrays else []
        if ref.modality == "video":
            return [thumbnail(pixels, ref.source, FRAME_PX) for pixels in arrays["video"]]
        return [thumbnail(arrays[ref.modality], ref.source)] if arrays.get(ref.modality, np.empty(0)).ndim == 3 else []


def is_content(file: Path, ref: MediaRef) -> bool:
    """Whether a file has the bytes of a medium."""
    try:
        if file.stat().st_size > LARGEST_FILE:
            return False
        digest = sha256_file(file)
    except OSError:
        return False
    if "#t=" not in ref.source:
        return digest[:KEY_DIGITS] == ref.key
    start, end = _clip(ref.source)
    clip = f"#t={start or 0.0},{end}"
    return hashlib.sha256(bytes.fromhex(digest) + clip.encode()).hexdigest()[:KEY_DIGITS] == ref.key


def wav(samples: np.ndarray, title: str) -> EmbeddedFile:
    """Mono audio (samples,) fp32 as a WAV file of 16 bits."""
    content = BytesIO()
    with wave.open(content, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(AUDIO_RATE_HZ)
        out.writeframes((np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes())
    return EmbeddedFile(content.getvalue(), title, "audio/wav")


def _clip(source: str) -> tuple[float | None, float | None]:
    """The seconds in a name such as `walk.mp4#t=2,4.5`."""
    first, _, last = source.rpartition("#t=")[2].partition(",") if "#t=" in source else ("", "", "")
    try:
        return (float(first) if first else None), (float(last) if last and last != "None" else None)
    except ValueError:
        return None, None
