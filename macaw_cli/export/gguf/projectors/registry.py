"""Every kind, and the one that a model is brought to."""

from macaw_cli.export.gguf.projectors.glma import GlmaProjector
from macaw_cli.export.gguf.projectors.mlp import MlpProjector
from macaw_cli.export.gguf.projectors.projector import Projector
from macaw_cli.export.gguf.projectors.ultravox import UltravoxProjector
from macaw_cli.modalities.table import Modality
from macaw_cli.model.configuration import MacawConfig

PROJECTORS: tuple[type[Projector], ...] = (GlmaProjector, MlpProjector, UltravoxProjector)


def projector_of(config: MacawConfig, modality: Modality) -> type[Projector] | None:
    """The kind that takes the model's bridge of a modality; None where none does."""
    kinds = (kind for kind in PROJECTORS if kind.modality == modality)
    return next((kind for kind in kinds if not kind.obstacles(config)), None)


def obstacles_of(config: MacawConfig, modality: Modality) -> list[str]:
    """Why no kind takes the bridge: the reasons of one that knows the design; none where one takes it."""
    kinds = [kind for kind in PROJECTORS if kind.modality == modality]
    if not kinds:
        return [f"llama.cpp has no {modality}"]
    knowing = [kind.obstacles(config) for kind in kinds if kind.loader(config)]
    return min(knowing or [kinds[0].obstacles(config)], key=len)
