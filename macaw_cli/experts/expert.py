"""What every expert is: a medium in, text out, and a fingerprint that says how it was made."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from macaw_cli.basics.errors import InputError
from macaw_cli.config.design_entries import Design
from macaw_cli.media.decoding import Decoded, Request, decode
from macaw_cli.media.kinds import modality_of
from macaw_cli.media.video import decode_apart
from macaw_cli.modalities.table import Modality

Settings = TypeVar("Settings", bound=Design)


@dataclass(frozen=True)
class StoredFeatures:
    """The features of a medium in a feature store."""

    shape: tuple[int, ...]
    fingerprint: dict[str, Any]
    """Of the encoder that made them."""
    array: Callable[[], np.ndarray]
    """Reads them: fp16, `shape`."""
    about: Callable[[], dict[str, Any]]
    """Reads what is known of the medium, such as `duration` and `frame_times`, in seconds."""


@dataclass(frozen=True)
class Medium:
    """One medium that is to be described."""

    modality: Modality
    key: str
    """Content key, see `features.items`; empty where nobody asks for it."""
    file: Callable[[], Path]
    """Finds its file; raises `InputError` where there is none."""
    start: float | None = None
    """First second of a clip; None is the beginning of the file."""
    end: float | None = None
    """Last second of a clip; None is the end of the file."""
    stored: StoredFeatures | None = None
    """Its features, where they are known."""


@dataclass(frozen=True)
class Surroundings:
    """What experts need besides their settings."""

    model: str = ""
    """Folder or hub id of the expert's model."""
    device: str = "auto"
    """Where it runs."""
    frames: int = 6
    """Frames of a video, where the settings name no number."""
    labels: Sequence[str] = ()
    """Of `tags`."""
    captioned: Callable[[Modality], Any] | None = None
    """Of `nearest-caption`: its `Captioned` media of a modality; None where there is no dataset."""
    identity: dict[str, Any] = field(default_factory=dict)
    """What decides the texts besides settings and model: it becomes part of the fingerprint."""


class Expert(ABC, Generic[Settings]):
    """Describes media as text. A subclass is constructed with its settings and `Surroundings`.

    Attributes:
        settings: of the expert.
        fingerprint: JSON that says which weights and settings made a text; holds no path.
    """

    nothing: ClassVar[str] = "nothing"
    """What is said where the expert finds nothing."""
    cached: ClassVar[bool] = True
    """Whether a text depends on the medium and the fingerprint alone, so that it can be kept."""
    fingerprint: dict[str, Any]

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        self.settings, self.surroundings = settings, surroundings

    @abstractmethod
    def text(self, medium: Medium) -> str:
        """What the expert finds; empty where it finds nothing.

        Raises:
            InputError: the file is needed and cannot be found or decoded.
        """

    def said(self, text: str, modality: Modality) -> str:
        """A text as it stands in a conversation."""
        form: str = self.settings.form  # type: ignore[attr-defined]
        return form.replace("{}", text or f"({self.nothing})")


class FileExpert(Expert[Settings]):
    """Describes any file, also one that was decoded elsewhere: in a process that can be ended, within limits."""

    @abstractmethod
    def decoding(self, modality: Modality) -> Request:
        """What has to be decoded of a file: everything but its `path`, `start` and `end`.

        Args:
            modality: one that the expert describes.
        """

    @abstractmethod
    def text_of(self, decoded: Decoded, modality: Modality) -> str:
        """What the expert finds in what was decoded as `decoding` says; empty where it finds nothing.

        Args:
            decoded: holds an array of the modality.
            modality: one that the expert describes.
        """

    def text_of_file(self, medium: Medium) -> str:
        """What the expert finds in the file of a medium.

        Raises:
            InputError: the file cannot be found or decoded, or has nothing of the modality.
        """
        file, modality = medium.file(), medium.modality
        request: Request = {
            **self.decoding(modality), "path": str(file), "start": medium.start, "end": medium.end
        }  # fmt: skip
        apart = "video" in (modality, modality_of(file))
        decoded = decode_apart(request) if apart else decode(request)
        if modality not in decoded[1]:
            raise InputError(f"{file} has no {modality}.", "Check the file.")
        return self.text_of(decoded, modality)
