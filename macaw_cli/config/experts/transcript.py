"""Settings of the `transcript` expert."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.experts.form import TextForm


@dataclass(frozen=True, kw_only=True, slots=True)
class TranscriptSettings:
    """Whisper's transcript of audio files and soundtracks, by greedy decoding."""

    name: Literal["transcript"] = "transcript"
    """Name of the expert."""
    model: str = ""
    """Folder or hub id of a whole Whisper; empty takes `features.audio_encoder.model`."""
    revision: str = ""
    """Hub revision; empty means the newest."""
    language: str = ""
    """Language that is spoken, such as `de`; empty lets a multilingual model find out in each window."""
    task: Literal["transcribe", "translate"] = "transcribe"
    """Of a multilingual model: the words as they are spoken, or in English."""
    timestamps: bool = False
    """Whether each segment stands on a line of its own behind its times, such as `[0.0-4.2]`."""
    windows: Annotated[int, Field(ge=1)] | None = None
    """Windows of the model's length (30 s) that are transcribed at most; `null` transcribes all of the audio."""
    max_new_tokens: Annotated[int, Field(ge=1, le=440)] = 200
    """Most tokens of one window's transcript."""
    form: TextForm = "Transcript: {}"
    """What the conversation says; `{}` is the transcript."""
