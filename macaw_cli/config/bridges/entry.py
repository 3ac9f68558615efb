"""One row of the table of bridges."""

from macaw_cli.config.design_entries import Design, DesignEntry

BridgeDesign = Design
"""Settings of one design of a bridge."""


class BridgeEntry(DesignEntry):
    """One row of the table: a design's settings, and where its module is.

    Attributes:
        settings: a frozen dataclass, see `Design`. Every field has a default. It is checked without torch: its module
            must not import torch, numpy or transformers.
        module: `module:class` of a subclass of `macaw_cli.model.bridges.bridge.Bridge`, imported on use.
    """
