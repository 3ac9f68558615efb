"""Settings of the export format `hf`, and what every folder for transformers has."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.exports.base import ExportSettings

Dtype = Annotated[
    Literal["float32", "bfloat16", "float16"] | None,
    Field(description="Number format of the LLM and the bridges; `null` leaves them as they are."),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class HfExportSettings(ExportSettings):
    """A transformers folder with the encoders inside, for `MacawForConditionalGeneration`; takes every model."""

    format: Literal["hf"] = "hf"
    """Name of the format."""
    dtype: Dtype = None
    keep_adapters: bool = False
    """Put the adapter of the training beside the model, as PEFT loads it onto the LLM that it was trained on. The
    model's own weights have it merged in either way."""
