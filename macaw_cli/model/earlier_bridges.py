"""Configurations of earlier format versions: what they say of their bridges, in the form of today."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.bridges.macaw import MacawBridgeSettings


def require_unchanged_bridges(config: Any) -> None:
    """Refuse the default form of the `macaw` bridge, which has other weights since format version 2.

    Raises:
        MismatchError: the model, a `MacawConfig`, has one.
    """
    for modality in config.modalities if config.format_version < 2 else ():
        design = config.bridge_settings(modality)
        if isinstance(design, MacawBridgeSettings) and design.variant == "default":
            raise MismatchError(
                f"The model was trained with an earlier form of the `macaw` bridge (format version "
                f"{config.format_version}, {modality}).",
                "Train it again, or use the macaw that made it.",
            )


def with_windows(config: Any, windows: Mapping[str, Sequence[int]], heads: int | None) -> dict[str, Any]:
    """The bridges of a `MacawConfig` with what format version 2 kept beside them, for imported checkpoints."""
    if not windows and not heads:
        bridges: dict[str, Any] = config.bridge
        return bridges
    fixed = {name: {"windows": windows.get(name), "alignment_heads": heads} for name in config.modalities}
    return {name: asdict(config.bridge_settings(name)) | fixed[name] for name in config.modalities}
