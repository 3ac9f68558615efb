"""Every injection, those of macaw and those that other packages add.

An injection of macaw is a file of settings in this folder, a file in `model/injections/` and a row of `BUILT_IN`.
Another package adds one by an entry point in the group `macaw.injections` that names an `InjectionEntry`: see
docs/own-parts.md.
"""

from collections.abc import Mapping
from types import MappingProxyType

from macaw_cli.config.design_entries import with_plug_ins
from macaw_cli.config.injections.deepstack import DeepstackSettings
from macaw_cli.config.injections.entry import InjectionDesign, InjectionEntry
from macaw_cli.config.injections.gated_cross_attention import GatedCrossAttentionSettings
from macaw_cli.config.injections.lavin import LavinSettings
from macaw_cli.config.injections.llama_adapter import LlamaAdapterSettings
from macaw_cli.config.injections.llama_adapter_v2 import LlamaAdapterV2Settings
from macaw_cli.config.injections.mllama_cross_attention import MllamaCrossAttentionSettings
from macaw_cli.config.injections.none import NoInjectionSettings
from macaw_cli.config.injections.plora import PloraSettings

GROUP = "macaw.injections"
"""The group of entry points."""
BUILT_IN = (
    InjectionEntry(DeepstackSettings, "macaw_cli.model.injections.deepstack:Deepstack"),
    InjectionEntry(
        GatedCrossAttentionSettings, "macaw_cli.model.injections.gated_cross_attention:GatedCrossAttention"
    ),
    InjectionEntry(LavinSettings, "macaw_cli.model.injections.lavin:Lavin"),
    InjectionEntry(LlamaAdapterSettings, "macaw_cli.model.injections.llama_adapter:LlamaAdapter"),
    InjectionEntry(LlamaAdapterV2Settings, "macaw_cli.model.injections.llama_adapter_v2:LlamaAdapterV2"),
    InjectionEntry(
        MllamaCrossAttentionSettings, "macaw_cli.model.injections.mllama_cross_attention:MllamaCrossAttention"
    ),
    InjectionEntry(PloraSettings, "macaw_cli.model.injections.plora:Plora"),
)  # fmt: skip
DEFAULT = "none"
"""The design where none is named; it has no module, and is no row."""
TABLE, PACKAGES = with_plug_ins(GROUP, InjectionEntry, "an injection", BUILT_IN, reserved=(DEFAULT,))
"""The rows by name, and the package of each row that is not macaw's."""
DESIGNS: Mapping[str, type[InjectionDesign]] = MappingProxyType(
    {DEFAULT: NoInjectionSettings, **{name: row.settings for name, row in TABLE.items()}}
)
"""Name to settings, that of no injection included."""
