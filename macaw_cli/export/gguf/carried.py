"""Which modality of a model a GGUF export carries, and why not the others."""

from collections.abc import Mapping

from macaw_cli.export.gguf.projectors.projector import Projector
from macaw_cli.export.gguf.projectors.registry import obstacles_of, projector_of
from macaw_cli.modalities.table import Modality
from macaw_cli.model.configuration import MacawConfig

INJECTED = "media reach the LLM's layers through the injection, which GGUF has not"


def carried(config: MacawConfig) -> type[Projector] | None:
    """The kind of projector of the first modality that llama.cpp takes; None where it takes none."""
    kinds = (None if config.injection else projector_of(config, name) for name in config.modalities)
    return next((kind for kind in kinds if kind), None)


def losses(config: MacawConfig) -> Mapping[Modality, list[str]]:
    """The modalities that are left out, with the reasons, each in a few words."""
    kind = carried(config)
    told: dict[Modality, list[str]] = {}
    for name in config.modalities:
        if config.injection:
            told[name] = [INJECTED]
        elif kind is None:
            told[name] = obstacles_of(config, name)
        elif name != kind.modality:
            # chat templates of llama.cpp do not tell an image from audio, so that one modality has to be enough
            told[name] = obstacles_of(config, name) or [f"an export has one modality, and this one has {kind.modality}"]
    return told
