"""Settings of the export format `blip2`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.exports.base import ExportSettings
from macaw_cli.config.exports.hf import Dtype


@dataclass(frozen=True, kw_only=True, slots=True)
class Blip2ExportSettings(ExportSettings):
    """A checkpoint of `Blip2ForConditionalGeneration`: image models with `q-former` on its tower."""

    format: Literal["blip2"] = "blip2"
    """Name of the format."""
    dtype: Dtype = None
