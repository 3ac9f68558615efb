"""Settings of the export format `llava`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.exports.base import ExportSettings
from macaw_cli.config.exports.hf import Dtype


@dataclass(frozen=True, kw_only=True, slots=True)
class LlavaExportSettings(ExportSettings):
    """A checkpoint of `LlavaForConditionalGeneration`: image models with `linear` or `mlp` on CLIP or SigLIP."""

    format: Literal["llava"] = "llava"
    """Name of the format."""
    dtype: Dtype = None
