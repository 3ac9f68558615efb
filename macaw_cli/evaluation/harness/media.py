"""Media as tasks of a harness hand them over - images in memory, samples, frames, paths - to attachments."""

import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.working_files import open_own, remove_file
from macaw_cli.inference.attachments import Attacher, Attachment
from macaw_cli.media.decoding import decode
from macaw_cli.media.kinds import modality_of
from macaw_cli.media.video import decode_apart
from macaw_cli.modalities.table import MODALITIES, Modality

_PLAIN_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
"""Of images that PNG holds as they are."""


class HarnessMedia:
    """Reads media for one model.

    What is in memory goes through a lossless file (PNG, WAV with fp32 samples), so that it is decoded as files are.

    Args:
        attacher: of the model.
        frames: that the model takes of a video.
    """

    def __init__(self, attacher: Attacher, frames: int) -> None:
        self._attacher, self._frames = attacher, frames
        self._folder = tempfile.TemporaryDirectory(prefix="macaw-harness-")
        self._count = 0

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()

    def attach(self, medium: Any, said: str = "") -> list[Attachment]:
        """The attachments of one medium; a video brings its soundtrack.

        Args:
            medium: a path; a PIL image; `{"array", "sampling_rate"}` or an object of `datasets` with audio; frames as
                images or (frames, height, width, 3) uint8; or a mapping of `path` or `url`, `video_start`, `video_end`.
            said: the modality that the task names, which a path without a known extension has.

        Raises:
            InputError: it cannot be read, or the model does not know the modality.
        """
        if isinstance(medium, Mapping):
            return self._of_mapping(medium, said)
        if hasattr(medium, "get_all_samples"):
            samples = medium.get_all_samples()
            return self._audio(np.asarray(samples.data), int(samples.sample_rate))
        if isinstance(medium, Image.Image):
            return self._image(medium)
        if isinstance(medium, str | Path):
            return self._file(Path(medium), said, {})
        if isinstance(medium, Sequence | np.ndarray) and len(medium):
            return self._video(medium)
        raise InputError(f"A task gave a medium of the type {type(medium).__name__}.", "macaw does not know it.")

    def _of_mapping(self, medium: Mapping[str, Any], said: str) -> list[Attachment]:
        if medium.get("array") is not None and medium.get("sampling_rate"):
            return self._audio(np.asarray(medium["array"]), int(medium["sampling_rate"]))
        if medium.get("bytes"):
            return self._bytes(medium["bytes"], Path(str(medium.get("path") or "")).suffix, said)
        place = next((medium[name] for name in ("url", "path", "video", "audio", "image") if medium.get(name)), None)
        if isinstance(place, str | Path):
            times = {"start": medium.get("video_start"), "end": medium.get("video_end")}
            return self._file(Path(place), said, times)
        if place is None or isinstance(place, Mapping):
            raise InputError(f"A task gave a medium with {', '.join(map(str, medium))}.", "macaw does not know it.")
        return self.attach(place, said)

    def _file(self, path: Path, said: str, times: Mapping[str, float | None]) -> list[Attachment]:
        path = path.expanduser()
        modality = _modality(path, said)
        given = {name: float(value) for name, value in times.items() if value is not None}
        if not given or modality not in ("audio", "video"):
            return self._attacher.attach(path, modality)
        request = self._attacher.decoding(path, modality)
        request["start"], request["end"] = given.get("start"), given.get("end")
        decoded = decode_apart(request) if modality == "video" else decode(request)
        return self._attacher.encode(path, modality, decoded)

    def _image(self, image: Image.Image) -> list[Attachment]:
        content = io.BytesIO()
        (image if image.mode in _PLAIN_MODES else image.convert("RGB")).save(content, format="PNG", compress_level=1)
        return self._bytes(content.getvalue(), ".png", "image")

    def _audio(self, samples: np.ndarray, sampling_rate: int) -> list[Attachment]:
        """Samples (n,) or (channels, n); their mean is heard."""
        channels = _as_floats(samples.reshape(1, -1) if samples.ndim == 1 else samples)
        mono = (channels if channels.shape[0] < channels.shape[-1] else channels.T).mean(axis=0)
        content = io.BytesIO()
        soundfile.write(content, mono.astype(np.float32), sampling_rate, format="WAV", subtype="FLOAT")
        return self._bytes(content.getvalue(), ".wav", "audio")

    def _bytes(self, content: bytes, suffix: str, said: str) -> list[Attachment]:
        """Through a file of its own."""
        self._count += 1
        file = Path(self._folder.name) / f"{self._count}{suffix}"
        with open_own(file, "wb") as opened:
            opened.write(content)
        try:
            return self._file(file, said, {})
        finally:
            remove_file(file)

    def _video(self, frames: Any) -> list[Attachment]:
        """Frames without times, of which evenly spaced ones are seen."""
        places = np.linspace(0, len(frames) - 1, self._frames).round().astype(int)
        seen = np.stack([np.asarray(_rgb(frames[at])) for at in places])
        meta = {"frame_times": [float(at) for at in places], "duration": float(len(frames))}
        return self._attacher.encode(Path("frames"), "video", (meta, {"video": seen}))


def _rgb(frame: Any) -> Image.Image:
    return (frame if isinstance(frame, Image.Image) else Image.fromarray(np.asarray(frame))).convert("RGB")


def _modality(path: Path, said: str) -> Modality:
    found = modality_of(path) if path.is_file() else None
    if found is not None:
        return found
    return next((name for name in MODALITIES if name == said), "image")


def _as_floats(samples: np.ndarray) -> np.ndarray:
    """Integers as numbers from -1 to 1; unsigned ones, as of 8-bit WAV files, are silent in the middle of the range."""
    if not np.issubdtype(samples.dtype, np.integer):
        return samples
    kind = np.iinfo(samples.dtype)
    half = (float(kind.max) - float(kind.min) + 1) / 2
    return (samples - (float(kind.min) + half)) / half
