"""Settings of the export format `llm`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.exports.base import ExportSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class LlmExportSettings(ExportSettings):
    """The LLM alone, as any program loads it, and what makes embeddings of media for it: for vLLM, see docs/vllm.md."""

    format: Literal["llm"] = "llm"
    """Name of the format."""
