"""Settings of the export format `internvl`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.exports.base import ExportSettings
from macaw_cli.config.exports.hf import Dtype


@dataclass(frozen=True, kw_only=True, slots=True)
class InternVLExportSettings(ExportSettings):
    """A checkpoint of `InternVLForConditionalGeneration`: image models with `pixel-shuffle` on its tower."""

    format: Literal["internvl"] = "internvl"
    """Name of the format."""
    dtype: Dtype = None
