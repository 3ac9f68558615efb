"""Settings of the export format `idefics3`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.exports.base import ExportSettings
from macaw_cli.config.exports.hf import Dtype


@dataclass(frozen=True, kw_only=True, slots=True)
class Idefics3ExportSettings(ExportSettings):
    """A checkpoint of `Idefics3ForConditionalGeneration`: image models with `pixel-shuffle` on its tower."""

    format: Literal["idefics3"] = "idefics3"
    """Name of the format."""
    dtype: Dtype = None
