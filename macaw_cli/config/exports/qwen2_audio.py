"""Settings of the export format `qwen2-audio`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.exports.base import ExportSettings
from macaw_cli.config.exports.hf import Dtype


@dataclass(frozen=True, kw_only=True, slots=True)
class Qwen2AudioExportSettings(ExportSettings):
    """A checkpoint of `Qwen2AudioForConditionalGeneration`: audio models with `linear` on its tower."""

    format: Literal["qwen2-audio"] = "qwen2-audio"
    """Name of the format."""
    dtype: Dtype = None
