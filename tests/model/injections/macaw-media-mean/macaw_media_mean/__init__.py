"""An injection for macaw: the mean of a medium's soft tokens, added before some of the LLM's layers."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.injections.entry import InjectionEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class MediaMeanSettings:
    """A linear layer of the mean of the latest medium's soft tokens, before every n-th layer."""

    name: Literal["media-mean"] = "media-mean"
    """Design of the injection."""
    every: Annotated[int, Field(ge=1)] = 4
    """It stands before every so many layers, the first one included."""


MEDIA_MEAN = InjectionEntry(MediaMeanSettings, "macaw_media_mean.injection:MediaMean")
