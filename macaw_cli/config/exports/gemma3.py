"""Settings of the export format `gemma3`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.exports.base import ExportSettings
from macaw_cli.config.exports.hf import Dtype


@dataclass(frozen=True, kw_only=True, slots=True)
class Gemma3ExportSettings(ExportSettings):
    """A checkpoint of `Gemma3ForConditionalGeneration`: image models with `avg-pool` on SigLIP and Gemma 3's LLM."""

    format: Literal["gemma3"] = "gemma3"
    """Name of the format."""
    dtype: Dtype = None
