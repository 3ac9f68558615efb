"""Settings of the export format `hf`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.exports.base import ExportSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class HfExportSettings(ExportSettings):
    """A transformers folder with the encoders inside, for `MacawForConditionalGeneration`; takes every model."""

    format: Literal["hf"] = "hf"
    """Name of the format."""
