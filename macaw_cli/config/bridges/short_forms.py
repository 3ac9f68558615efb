"""Settings of designs in as few words as `macaw.yaml` needs for them: a name, and the options that are set."""

from dataclasses import asdict
from typing import Any

from macaw_cli.config.bridges.designs import BridgePerModality, BridgeSettings
from macaw_cli.config.design_entries import Design
from macaw_cli.modalities.table import TABLE


def short_design(settings: Design) -> Any:
    """The name alone, or a mapping with the options that are not the design's defaults, of a bridge or an injection."""
    usual, own = asdict(type(settings)()), asdict(settings)
    set_ = {key: value for key, value in own.items() if key != "name" and value != usual[key]}
    return {"name": settings.name, **set_} if set_ else settings.name


def short_bridge(bridge: BridgeSettings) -> Any:
    """`bridge:` as a whole: one design, or that of each modality where they differ.

    Modalities beside the original three are named where something is set for them.
    """
    if not isinstance(bridge, BridgePerModality):
        return short_design(bridge)
    unused = bridge.unused()
    designs = {name: short_design(bridge.of(name)) for name, row in TABLE.items() if row.original or name not in unused}
    first = next(iter(designs.values()))
    return first if all(one == first for one in designs.values()) else designs
