"""Settings of the export format `voxtral`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.exports.base import ExportSettings
from macaw_cli.config.exports.hf import Dtype


@dataclass(frozen=True, kw_only=True, slots=True)
class VoxtralExportSettings(ExportSettings):
    """A checkpoint of `VoxtralForConditionalGeneration`: audio models with `frame-stack` on Whisper."""

    format: Literal["voxtral"] = "voxtral"
    """Name of the format."""
    dtype: Dtype = None
