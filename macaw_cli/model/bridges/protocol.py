"""What a prefix bridge is: features in, soft tokens out, their number known from the feature shape alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from torch import Tensor

from macaw_cli.config.settings import Modality

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig


@dataclass(frozen=True)
class BridgeContext:
    """What a bridge may look at besides the features."""

    embedding_matrix: Tensor
    """(V, D): the LLM's input embeddings, with gradients; under ZeRO-3 whole only inside a bridge's forward. Where the
    modality is absent and a bridge runs only for its parameters' sake, a single row."""


class Bridge(Protocol):
    """One design of a bridge for one modality; an `nn.Module`, which may inherit the defaults of this class too.

    Every submodule that owns parameters is called exactly once per `forward`, whatever the number of media: under
    ZeRO-3 the calls of all ranks have to be the same.
    """

    looks_at_embeddings: bool
    """Whether `forward` reads the context's embedding matrix, which costs a gather under ZeRO-3."""

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`.

        Raises:
            UsageError: the sizes do not fit this design.
        """
        ...

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """Soft tokens of one medium whose features have this shape, (N, C) or (F, N, C).

        Raises:
            UsageError: this design cannot make soft tokens of that shape.
        """
        ...

    def smallest_input(self) -> tuple[int, int]:
        """(tokens, channels) of the smallest feature that can pass, for ranks that lack this modality."""
        ...

    def calibrate(self, embedding_matrix: Tensor) -> None:
        """Fit a new bridge to the LLM before training; nothing to do by default.

        Args:
            embedding_matrix: (V, D), whole also under ZeRO-3. The bridge's own parameters may be partitioned: write to
                them inside `macaw_cli.model.partitions.gathered(parameter, to_change=True)`.
        """
        return

    def __call__(self, features: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """Soft tokens of all media, one after the other.

        Args:
            features: one (N, C) or (F, N, C) tensor per medium, in the bridge's dtype; at least one.
            context: what else the bridge may look at.

        Returns:
            (K, D), K the sum of `soft_tokens` over the media.
        """
        ...
