"""What a bridge is: features in, soft tokens out, their number known from the feature shape alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from torch import Tensor, nn

from macaw_cli.modalities.table import Modality
from macaw_cli.model.bridges.stock_loaders import StockLoader

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig

Need = Literal["embedding_matrix", "instruction"]
"""What a bridge may ask for besides the features."""


@dataclass(frozen=True)
class BridgeContext:
    """What a bridge may look at besides the features."""

    embedding_matrix: Tensor
    """(V, D): the LLM's input embeddings, with gradients; under ZeRO-3 whole only inside a bridge's forward. Where the
    modality is absent and a bridge runs only for its parameters' sake, a single row."""
    examples: Sequence[int] = ()
    """Of each medium, the number of its example in the batch: packed examples count on through all rows. Without
    gradients and instructions, a medium that several examples share is given once, with the first of them."""
    instructions: Sequence[Tensor] = ()
    """Of each medium, the (L,) int64 ids of its instruction: the text of the user turn that holds it, see
    `fusion/instructions.py`. Only for bridges that need it."""


class Bridge(nn.Module):
    """One design of a bridge for one modality.

    Every submodule that owns parameters is called exactly once per `forward`, whatever the number of media: under
    ZeRO-3 the calls of all ranks have to be the same.

    A module inside a bridge whose initial weights are not torch's defaults has a method `initialise`, which sets its
    own parameters and buffers, but not its children's, with the functions of `transformers.initialization`.
    """

    shared: nn.Module
    """What `make_shared` made, in a bridge that has that."""
    stock_loaders: ClassVar[tuple[StockLoader, ...]] = ()
    """The loaders of others that know this design, see `stock_loaders`."""
    needs: frozenset[Need] = frozenset()
    """What `forward` reads of the context. The embedding matrix costs a gather under ZeRO-3."""

    @classmethod
    def needed(cls, config: "MacawConfig", modality: Modality) -> frozenset[Need]:
        """What the bridge of a modality will need: `needs`, where it does not depend on the settings."""
        return cls.needs

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`.

        Raises:
            UsageError: the sizes do not fit this design.
        """
        raise NotImplementedError

    def make_shared(self) -> nn.Module | None:
        """A new module that the bridges of all modalities with this design have in common; None by default.

        `Bridges` calls it once per design and gives the result to each of them as `shared`. The first one holds it as a
        submodule, the others only refer to it: its weights are counted, saved and trained once. It has to fit them all.
        """
        return None

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """Soft tokens of one medium whose features have this shape, (N, C) or (F, N, C), with at least one token.

        Raises:
            UsageError: this design cannot make soft tokens of that shape.
        """
        raise NotImplementedError

    @staticmethod
    def layers_read(config: "MacawConfig", modality: Modality) -> tuple[int | None, str]:
        """Of how many layers of the encoder the features must be, and which setting says so, if any does.

        By default any number: all tokens are read in one row.
        """
        return None, ""

    def smallest_input(self) -> tuple[int, int]:
        """(tokens, channels) of the smallest feature that can pass, for ranks that lack this modality."""
        raise NotImplementedError

    def calibrate(self, embedding_matrix: Tensor) -> None:
        """Fit a new bridge to the LLM before training; nothing to do by default.

        Args:
            embedding_matrix: (V, D), whole also under ZeRO-3. The bridge's own parameters may be partitioned: write to
                them inside `macaw_cli.model.partitions.gathered(parameter, to_change=True)`.
        """

    @property
    def reads_head(self) -> bool:
        """Whether `start_from_head` has anything to do: under ZeRO-3 the head is gathered for such bridges only."""
        return False

    def start_from_head(self, head: Tensor) -> None:
        """Fit a new bridge to the LLM's output layer before training; nothing to do by default.

        Args:
            head: (V, D), whole also under ZeRO-3, see `calibrate`; where it is tied, the embedding matrix.
        """

    @property
    def is_centered(self) -> bool:
        """Whether `center` has anything to do: the mean of the features is measured for such bridges only."""
        return False

    def center(self, feature_mean: Tensor) -> None:
        """Fit a new bridge to the features before training; nothing to do by default.

        Args:
            feature_mean: (C,), mean over the feature tokens of the training media.
        """

    @staticmethod
    def extra_memory(config: "MacawConfig", modality: Modality, soft_tokens: int, value_bytes: int) -> float:
        """Bytes that a forward pass keeps for the backward pass beyond a few vectors per soft token; 0 by default.

        Args:
            config: of the model, with the shapes that bridges read: see `bridge_config`.
            modality: of this bridge.
            soft_tokens: K, of all media in the pass.
            value_bytes: of one number in the precision of the training.
        """
        return 0.0

    @staticmethod
    def extra_operations(config: "MacawConfig", modality: Modality, soft_tokens: int) -> float:
        """Floating point operations of a forward pass beyond a few products per soft token; 0 by default.

        Args:
            config: as in `extra_memory`.
            modality: of this bridge.
            soft_tokens: K, of all media in the pass.
        """
        return 0.0

    def forward(self, features: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """Soft tokens of all media, one after the other.

        Args:
            features: one (N, C) or (F, N, C) tensor per medium, in the bridge's dtype; at least one.
            context: what else the bridge may look at.

        Returns:
            (K, D), K the sum of `soft_tokens` over the media.
        """
        raise NotImplementedError
