"""Settings of the export format `glm-asr`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.exports.base import ExportSettings
from macaw_cli.config.exports.hf import Dtype


@dataclass(frozen=True, kw_only=True, slots=True)
class GlmAsrExportSettings(ExportSettings):
    """A checkpoint of `GlmAsrForConditionalGeneration`: audio models with `frame-stack` on its tower."""

    format: Literal["glm-asr"] = "glm-asr"
    """Name of the format."""
    dtype: Dtype = None
