"""Media as Python programs and harnesses hand them over - images in memory, samples, frames, paths - to attachments."""

import io
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image, ImageOps

from macaw_cli.basics.errors import InputError, MacawError, UsageError
from macaw_cli.basics.urls import is_url, local_place, without_secrets
from macaw_cli.basics.working_files import open_own, remove_file
from macaw_cli.inference.attachments import Attacher, Attachment
from macaw_cli.inference.file_reading import outcome_of
from macaw_cli.inference.media_forms import are_frames, as_image, is_image_array, is_samples_with_rate, mono, rgb
from macaw_cli.inference.media_sources import MediaSources
from macaw_cli.media.decoding import Decoded, Request, decode
from macaw_cli.media.kinds import modality_of
from macaw_cli.media.no_audio import NoAudio
from macaw_cli.media.video import decode_apart
from macaw_cli.modalities.table import MODALITIES, TABLE, Modality

FORMS = (
    "A medium is a path, a URL, the bytes of a file or a PIL image; audio also `(samples, sampling_rate)` or"
    ' `{"array", "sampling_rate"}`; an image also (H, W, 3) uint8; a video also its frames.'
)
_PLAIN_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
"""Of images that PNG holds as they are."""
_BYTES = (bytes, bytearray, memoryview)


class GivenMedia:
    """Reads media for one model.

    What is in memory goes through a lossless file (PNG, WAV with fp32 samples), so that it is decoded as files are.

    Args:
        attacher: of the model.
        sources: fetches URLs; None refuses them.
    """

    def __init__(self, attacher: Attacher, sources: MediaSources | None = None) -> None:
        self._attacher, self._sources = attacher, sources
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._count = 0

    def close(self) -> None:
        """Remove the files."""
        if self._folder is not None:
            self._folder.cleanup()

    def attach(self, medium: Any, said: str = "", *, certain: bool = False) -> list[Attachment]:
        """The attachments of one medium; a video brings its soundtrack.

        Args:
            medium: what `FORMS` says; an object of `datasets` with audio; or a mapping of `bytes`, `path` or `url`,
                `video_start`, `video_end`.
            said: the modality that is named for it, which a file of no known kind has.
            certain: whether it has that modality, whatever its content says.

        Raises:
            InputError: it cannot be read, or the model does not know the modality.
            UsageError: it has no known form, or one that the modality cannot have.
        """
        if isinstance(medium, str | PathLike):
            return self._place(medium, said, {}, certain=certain)
        if isinstance(medium, _BYTES) or hasattr(medium, "read"):
            content = bytes(medium) if isinstance(medium, _BYTES) else medium.read()
            return self._bytes(content, "", said, certain=certain)
        if isinstance(medium, Mapping):
            return self._of_mapping(medium, said, certain=certain)
        return self._in_memory(medium, said if certain else "")

    def _in_memory(self, medium: Any, wanted: str) -> list[Attachment]:
        """What has no file: an image, samples, frames; `wanted` is the modality where it is certain."""
        if isinstance(medium, Image.Image):
            return self._image(medium, wanted)
        if hasattr(medium, "get_all_samples"):
            samples = medium.get_all_samples()
            return self._audio(samples.data, samples.sample_rate, wanted)
        if is_samples_with_rate(medium):
            return self._audio(medium[0], medium[1], wanted)
        medium = np.asarray(medium) if hasattr(medium, "__array__") else medium
        if wanted and TABLE[wanted].is_image and is_image_array(medium):
            return self._image(as_image(medium), wanted)
        if are_frames(medium) and wanted in ("", "video"):
            return self._video(medium)
        raise _unknown(medium, wanted)

    def _of_mapping(self, medium: Mapping[str, Any], said: str, *, certain: bool) -> list[Attachment]:
        samples = medium.get("array") if medium.get("raw") is None else medium["raw"]
        if samples is not None and medium.get("sampling_rate"):
            return self._audio(samples, medium["sampling_rate"], said if certain else "")
        if medium.get("bytes"):
            suffix = Path(str(medium.get("path") or "")).suffix
            return self._bytes(medium["bytes"], suffix, said, certain=certain)
        place = next((medium[name] for name in ("url", "path", *MODALITIES) if medium.get(name)), None)
        if isinstance(place, str | PathLike):
            times = {"start": medium.get("video_start"), "end": medium.get("video_end")}
            return self._place(place, said, times, certain=certain)
        if place is None or isinstance(place, Mapping):
            raise UsageError(f"{_named(said)} was given as {{{', '.join(map(str, medium))}}}.", FORMS)
        return self.attach(place, said, certain=certain)

    def _place(
        self, place: str | PathLike[str], said: str, times: Mapping[str, float | None], *, certain: bool
    ) -> list[Attachment]:  # fmt: skip
        if not isinstance(place, str) or not is_url(place):
            path = Path(local_place(place) if isinstance(place, str) else place)
            return self._file(path, said, times, certain=certain)
        if self._sources is None:
            shown = without_secrets(place)
            raise InputError(f"The medium {shown} is a URL, which is not fetched here.", "Give a file.")
        return self._sources.attach(place, said if certain else None)

    def _file(
        self, path: Path, said: str, times: Mapping[str, float | None], *, certain: bool
    ) -> list[Attachment]:  # fmt: skip
        path = path.expanduser()
        modality = said if certain else _modality(path, said)
        given = {name: float(value) for name, value in times.items() if value is not None}
        if given and modality == "video":
            return self._part(path, modality, given, decode_apart)
        if given and modality == "audio":
            return self._part(path, modality, given, decode)
        return self._attacher.attach(path, modality)

    def _part(
        self, path: Path, modality: Modality, times: Mapping[str, float], read: Callable[[Request], Any]
    ) -> list[Attachment]:  # fmt: skip
        clip: Request = {"start": times.get("start"), "end": times.get("end")}
        requests: list[Request] = [{**one, **clip} for one in self._attacher.decodings(path, modality)]
        return self._attacher.encode(path, modality, [outcome_of(partial(read, one)) for one in requests])

    def _image(self, image: Image.Image, wanted: str) -> list[Attachment]:
        if wanted and not TABLE[wanted].is_image:
            raise _unknown(image, wanted)
        image = ImageOps.exif_transpose(image)  # as the file is turned when it is read
        content = io.BytesIO()
        (image if image.mode in _PLAIN_MODES else image.convert("RGB")).save(content, format="PNG", compress_level=1)
        return self._bytes(content.getvalue(), ".png", wanted or "image", certain=bool(wanted))

    def _audio(self, samples: Any, sampling_rate: Any, wanted: str) -> list[Attachment]:
        """Samples (n,) or (channels, n); their mean is heard."""
        if wanted not in ("", "audio"):
            raise UsageError(f"{_named(wanted)} was given as samples of audio.", FORMS)
        heard, rate = mono(np.asarray(samples)), int(sampling_rate)
        if rate < 1:
            raise UsageError(f"The sampling rate of audio was given as {sampling_rate}.", "Give it in Hz, as 16000.")
        content = io.BytesIO()
        soundfile.write(content, heard, rate, format="WAV", subtype="FLOAT")
        return self._bytes(content.getvalue(), ".wav", "audio", certain=bool(wanted))

    def _bytes(self, content: Any, suffix: str, said: str, *, certain: bool) -> list[Attachment]:
        """Through a file of its own."""
        if not isinstance(content, _BYTES):
            raise UsageError(f"{_named(said)} was given as a file of text.", "Open it with mode 'rb'.")
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="macaw-given-")
        self._count += 1
        file = Path(self._folder.name) / f"{self._count}{suffix}"
        with open_own(file, "wb") as opened:
            opened.write(content)
        try:
            return self._file(file, said, {}, certain=certain)
        except MacawError as error:
            name = f"The {said or 'medium'} in memory"
            raise type(error)(error.problem.replace(str(file), name), error.hint) from None
        finally:
            remove_file(file)

    def _video(self, frames: Any) -> list[Attachment]:
        """Frames without times, of which evenly spaced ones are seen."""
        requests = self._attacher.decodings(Path("frames"), "video")  # refuses a model without this modality
        return self._attacher.encode(Path("frames"), "video", [_seen(frames, one) for one in requests])


def _seen(frames: Any, request: Request) -> Decoded | NoAudio:
    """Evenly spaced ones of the frames, as if a file without soundtrack were decoded."""
    if request["modality"] != "video":
        return NoAudio("Frames have no soundtrack.")
    places = np.linspace(0, len(frames) - 1, request["frames"]).round().astype(int)
    seen = [np.asarray(rgb(frames[at])) for at in places]
    if len({frame.shape for frame in seen}) > 1:
        raise UsageError("The frames of a video have different sizes.", "Give all of them the same size.")
    meta = {"frame_times": [float(at) for at in places], "duration": float(len(frames))}
    return meta, {"video": np.stack(seen)}


def _modality(path: Path, said: str) -> Modality:
    found = modality_of(path) if path.is_file() else None
    if found is not None:
        return found
    return next((name for name in MODALITIES if name == said), "image")


def _named(said: str) -> str:
    return f"The {said}" if said else "A medium"


def _unknown(medium: Any, said: str) -> UsageError:
    """The error for what no medium can be made of."""
    kind = type(medium).__name__
    if isinstance(medium, np.ndarray):
        kind = f"an array of shape {medium.shape} and dtype {medium.dtype}"
        if said == "audio":
            hint = 'Samples need their rate: audio=(samples, 16000) or {"array": samples, "sampling_rate": 16000}.'
            return UsageError(f"The audio was given as {kind}, without a sampling rate.", hint)
    return UsageError(f"{_named(said)} was given as {kind}.", FORMS)
