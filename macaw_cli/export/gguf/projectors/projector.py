"""What one of llama.cpp's kinds of projectors is."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from macaw_cli.export.gguf.file_writing import Stored
from macaw_cli.modalities.table import Modality
from macaw_cli.model.bridges.registry import bridge_class
from macaw_cli.model.bridges.stock_loaders import LLAMA_CPP, StockLoader
from macaw_cli.model.configuration import MacawConfig


class Projector(ABC):
    """One kind: an encoder and what stands behind it, in a file of its own beside the LLM's.

    A bridge says with a `StockLoader` whose name ends in the kind what bridge and encoder have to be; what else the
    kind needs is here.

    Args:
        config: of the model.
        model: the model; its bridge and what stands around media are read.
        encoder: the `FrozenEncoder` of the modality.
    """

    kind: ClassVar[str]
    """What llama.cpp calls it."""
    modality: ClassVar[Modality]
    brings_ends: ClassVar[bool] = False
    """Whether the file holds the begin and the end token, which llama.cpp then puts around each medium."""

    def __init__(self, config: MacawConfig, model: Any, encoder: Any) -> None:
        self.config, self.model, self.encoder = config, model, encoder
        self.bridge = model.fusion.bridges[self.modality]

    @classmethod
    def obstacles(cls, config: MacawConfig) -> list[str]:
        """What keeps a model's bridge from being of this kind, each in a few words; none where nothing does."""
        loader = cls.loader(config)
        if loader is None:
            return [f"llama.cpp has no bridge {config.bridge_settings(cls.modality).name}"]
        return [*loader.of_bridge(config), *cls.further_obstacles(config)]

    @classmethod
    def loader(cls, config: MacawConfig) -> StockLoader | None:
        """What the bridge's design says of this kind; None where it is another design."""
        designs = bridge_class(config.bridge_settings(cls.modality).name).stock_loaders
        kind = (f"{LLAMA_CPP}{cls.kind}", cls.modality)
        return next((loader for loader in designs if (loader.name, loader.modality) == kind), None)

    @classmethod
    def further_obstacles(cls, config: MacawConfig) -> list[str]:
        """What the kind needs beside bridge and encoder."""
        del config
        return []

    @classmethod
    def notes(cls) -> list[str]:
        """What llama.cpp does otherwise than macaw, one sentence each."""
        return []

    @abstractmethod
    def keys(self) -> dict[str, Any]:
        """The keys of the file."""

    @abstractmethod
    def tensors(self) -> Iterator[Stored]:
        """The tensors of the file."""
