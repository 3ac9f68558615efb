"""Settings of the export format `gguf`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.exports.base import ExportSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class GgufExportSettings(ExportSettings):
    """The tuned LLM as a GGUF file for llama.cpp, LM Studio and Ollama; see docs/gguf.md.

    Where llama.cpp knows encoder and bridge, there is an `mmproj` file beside it. Needs the extra `macaw-cli[gguf]`.
    """

    format: Literal["gguf"] = "gguf"
    """Name of the format."""
    weights: Literal["f16", "q8_0", "f32"] = "f16"
    """Number format of the LLM's matrices: half precision, 8 bits with a scale for every 32 numbers, or full precision.
    Vectors are always in full precision, and an `mmproj` is at least in half precision."""
    media: Literal["where-possible", "needed", "never"] = "where-possible"
    """`needed`: refuse a model of which llama.cpp takes a modality not; `never`: the LLM alone."""
