"""Where a model that is still to be trained can be taken: macaw's own export, and loaders of others."""

from dataclasses import asdict, dataclass

from macaw_cli.modalities.table import Modality
from macaw_cli.model.bridges.registry import bridge_class
from macaw_cli.model.configuration import MacawConfig

OWN = "hf"
"""`macaw export --format hf`, which takes every model."""


@dataclass(frozen=True)
class ExportTarget:
    """One loader that knows the design of a bridge."""

    loader: str
    modality: Modality
    obstacles: tuple[str, ...]
    """Why it does not take this bridge; empty where it does."""

    def as_json(self) -> dict[str, object]:
        """As in `macaw train --plan --json`."""
        return {**asdict(self), "obstacles": list(self.obstacles)}


def export_targets(config: MacawConfig) -> list[ExportTarget]:
    """All loaders of others that know a bridge of the model."""
    return [
        ExportTarget(loader.name, modality, tuple(loader.obstacles(config, modality)))
        for modality in config.modalities
        for loader in bridge_class(config.bridge_settings(modality).name).stock_loaders
    ]


def in_words(targets: list[ExportTarget]) -> str:
    """The row of the plan: what takes the model, and what would if something were different."""
    taken = [target.loader for target in targets if not target.obstacles]
    words = [f"{', '.join([OWN, *taken])}"]
    words += [
        f"not {target.loader} ({target.modality}): {', '.join(target.obstacles)}"
        for target in targets
        if target.obstacles
    ]
    return "; ".join(words)
