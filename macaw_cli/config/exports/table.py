"""Every export format, those of macaw and those that other packages add.

A format of macaw is a file of settings in this folder, a file in `export/formats/` and a row of `BUILT_IN`. Another
package adds one by an entry point in the group `macaw.exports` that names an `ExportEntry`: see docs/own-parts.md.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from macaw_cli.config.design_entries import DesignEntry, with_plug_ins
from macaw_cli.config.exports.base import ExportSettings
from macaw_cli.config.exports.blip2 import Blip2ExportSettings
from macaw_cli.config.exports.gemma3 import Gemma3ExportSettings
from macaw_cli.config.exports.gguf import GgufExportSettings
from macaw_cli.config.exports.glm_asr import GlmAsrExportSettings
from macaw_cli.config.exports.hf import HfExportSettings
from macaw_cli.config.exports.idefics3 import Idefics3ExportSettings
from macaw_cli.config.exports.instructblip import InstructBlipExportSettings
from macaw_cli.config.exports.internvl import InternVLExportSettings
from macaw_cli.config.exports.llava import LlavaExportSettings
from macaw_cli.config.exports.llm import LlmExportSettings
from macaw_cli.config.exports.onnx import OnnxExportSettings
from macaw_cli.config.exports.qwen2_audio import Qwen2AudioExportSettings
from macaw_cli.config.exports.voxtral import VoxtralExportSettings

KEY = "format"


class ExportEntry(DesignEntry):
    """One row of the table: a format's settings, and where its module is.

    Attributes:
        settings: a frozen dataclass, a subclass of `ExportSettings` with a field `format`. Every field has a default.
            It is checked without torch: its module must not import torch, numpy or transformers.
        module: `module:class` of a subclass of `macaw_cli.export.formats.format.ExportFormat`, imported on use.
    """

    settings: type[ExportSettings]
    key: ClassVar[str] = KEY


GROUP = "macaw.exports"
"""The group of entry points."""
BUILT_IN = (
    ExportEntry(Blip2ExportSettings, "macaw_cli.export.formats.blip2:Blip2Export"),
    ExportEntry(Gemma3ExportSettings, "macaw_cli.export.formats.gemma3:Gemma3Export"),
    ExportEntry(GgufExportSettings, "macaw_cli.export.formats.gguf:GgufExport"),
    ExportEntry(GlmAsrExportSettings, "macaw_cli.export.formats.glm_asr:GlmAsrExport"),
    ExportEntry(HfExportSettings, "macaw_cli.export.formats.hf:HfExport"),
    ExportEntry(Idefics3ExportSettings, "macaw_cli.export.formats.idefics3:Idefics3Export"),
    ExportEntry(InstructBlipExportSettings, "macaw_cli.export.formats.instructblip:InstructBlipExport"),
    ExportEntry(InternVLExportSettings, "macaw_cli.export.formats.internvl:InternVLExport"),
    ExportEntry(LlavaExportSettings, "macaw_cli.export.formats.llava:LlavaExport"),
    ExportEntry(LlmExportSettings, "macaw_cli.export.formats.llm:LlmExport"),
    ExportEntry(OnnxExportSettings, "macaw_cli.export.formats.onnx:OnnxExport"),
    ExportEntry(Qwen2AudioExportSettings, "macaw_cli.export.formats.qwen2_audio:Qwen2AudioExport"),
    ExportEntry(VoxtralExportSettings, "macaw_cli.export.formats.voxtral:VoxtralExport"),
)  # fmt: skip
TABLE, PACKAGES = with_plug_ins(GROUP, ExportEntry, "an export format", BUILT_IN)
"""The rows by name, and the package of each row that is not macaw's."""
FORMATS: Mapping[str, type[ExportSettings]] = MappingProxyType({name: row.settings for name, row in TABLE.items()})
"""Name to settings."""
DEFAULT = "hf"
"""The format where none is named."""
