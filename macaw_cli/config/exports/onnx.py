"""Settings of the export format `onnx`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.exports.base import ExportSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class OnnxExportSettings(ExportSettings):
    """Encoders and bridges as ONNX graphs, from media to soft tokens, without the LLM: see docs/onnx.md."""

    format: Literal["onnx"] = "onnx"
    """Name of the format."""
