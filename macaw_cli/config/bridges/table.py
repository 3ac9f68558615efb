"""Every bridge, those of macaw and those that other packages add.

A bridge of macaw is a file of settings in this folder, a file in `model/bridges/` and a row of `BUILT_IN`. Another
package adds one by an entry point in the group `macaw.bridges` that names a `BridgeEntry`: see docs/own-parts.md.
"""

from collections.abc import Mapping
from types import MappingProxyType

from macaw_cli.basics.plug_ins import plug_ins
from macaw_cli.config.bridges.entry import BridgeDesign, BridgeEntry, require_usable
from macaw_cli.config.bridges.frame_stack import FrameStackBridgeSettings
from macaw_cli.config.bridges.linear import LinearBridgeSettings
from macaw_cli.config.bridges.macaw import MacawBridgeSettings
from macaw_cli.config.bridges.mlp import MlpBridgeSettings

GROUP = "macaw.bridges"
"""The group of entry points."""
BUILT_IN = (
    BridgeEntry(FrameStackBridgeSettings, "macaw_cli.model.bridges.frame_stack:FrameStackBridge"),
    BridgeEntry(LinearBridgeSettings, "macaw_cli.model.bridges.linear:LinearBridge"),
    BridgeEntry(MacawBridgeSettings, "macaw_cli.model.bridges.macaw:MacawBridge"),
    BridgeEntry(MlpBridgeSettings, "macaw_cli.model.bridges.mlp:MlpBridge"),
)


def _with_plug_ins() -> tuple[Mapping[str, BridgeEntry], Mapping[str, str]]:
    """The rows of macaw and of other packages by name, and the packages of the latter."""
    rows = {row.name: row for row in BUILT_IN}
    packages = {}
    for package, found in plug_ins(GROUP):
        row = require_usable(found, rows, package)
        rows[row.name], packages[row.name] = row, package
    return MappingProxyType(rows), MappingProxyType(packages)


TABLE, PACKAGES = _with_plug_ins()
DESIGNS: Mapping[str, type[BridgeDesign]] = MappingProxyType({name: row.settings for name, row in TABLE.items()})
"""Name to settings."""
DEFAULT = "macaw"
"""The design where none is named."""


def default_design() -> BridgeDesign:
    """The settings where nothing is chosen."""
    return DESIGNS[DEFAULT]()
