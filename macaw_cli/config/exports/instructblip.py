"""Settings of the export format `instructblip`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.exports.base import ExportSettings
from macaw_cli.config.exports.hf import Dtype


@dataclass(frozen=True, kw_only=True, slots=True)
class InstructBlipExportSettings(ExportSettings):
    """A checkpoint of `InstructBlipForConditionalGeneration`: models that were imported from one, or trained on."""

    format: Literal["instructblip"] = "instructblip"
    """Name of the format."""
    dtype: Dtype = None
