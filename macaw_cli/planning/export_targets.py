"""Where a model that is still to be trained can be taken: the formats of `macaw export`, and loaders of others."""

from dataclasses import asdict, dataclass

from macaw_cli.export.formats.registry import every_format
from macaw_cli.modalities.table import Modality
from macaw_cli.model.bridges.registry import bridge_class
from macaw_cli.model.bridges.stock_loaders import LLAMA_CPP
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.text.encoding import ConversationEncoder


@dataclass(frozen=True)
class FormatTarget:
    """One format of `macaw export`."""

    format: str
    loader: str
    obstacles: tuple[str, ...]
    """Why it does not take the model; empty where it does."""
    losses: tuple[tuple[Modality, tuple[str, ...]], ...] = ()
    """Modalities that the export would be without, and why."""

    def as_json(self) -> dict[str, object]:
        """As in `macaw train --plan --json`."""
        losses = {name: list(reasons) for name, reasons in self.losses}
        return {**asdict(self), "obstacles": list(self.obstacles), "losses": losses}

    @property
    def words(self) -> str:
        """Its name, and what it would be without."""
        lost = [f"{name} ({'; '.join(reasons)})" for name, reasons in self.losses]
        return f"{self.format} without {' and '.join(lost)}" if lost else self.format


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


def format_targets(encoder: ConversationEncoder) -> list[FormatTarget]:
    """What `macaw export` will say to the model that is trained: the same questions, asked before the training.

    Args:
        encoder: turns conversations into ids for the model, whose configuration it knows.
    """
    asked = {name: kind for name, kind in every_format().items() if kind.is_meant_for(encoder.config)}
    told = {name: kind.why_not(encoder.config) or kind.text_obstacles(encoder) for name, kind in asked.items()}
    lost = {
        name: tuple((modality, tuple(reasons)) for modality, reasons in kind.losses(encoder.config).items())
        for name, kind in asked.items()
    }
    return [FormatTarget(name, kind.loader, tuple(told[name]), lost[name]) for name, kind in asked.items()]


def export_targets(config: MacawConfig) -> list[ExportTarget]:
    """All loaders of others that know a bridge of the model; of some there is a format that writes for them.

    Of llama.cpp's kinds the format `gguf` tells.
    """
    return [
        ExportTarget(loader.name, modality, tuple(loader.obstacles(config, modality)))
        for modality in config.modalities
        for loader in bridge_class(config.bridge_settings(modality).name).stock_loaders
        if not loader.name.startswith(LLAMA_CPP)
    ]


def export_lines(formats: list[FormatTarget], targets: list[ExportTarget]) -> list[str]:
    """The lines below the plan: what takes the model, and what would if something were different."""
    targets = [one for one in targets if one.loader not in {kind.stock_class for kind in every_format().values()}]
    taken = [one.words for one in formats if not one.obstacles]
    taken += [target.loader for target in targets if not target.obstacles]
    refusing = {one.format: one.obstacles for one in formats}
    refusing |= {f"{target.loader} ({target.modality})": target.obstacles for target in targets}
    others = [f"  not {name}: {', '.join(obstacles)}" for name, obstacles in refusing.items() if obstacles]
    return [f"Can be exported to: {', '.join(taken)}", *others]
