"""`linear`: one matrix, one soft token per feature token (LLaVA 1, MiniGPT-4)."""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, nn

from macaw_cli.config.settings import Modality
from macaw_cli.model.bridges.protocol import BridgeContext

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig


class LinearBridge(nn.Module):
    """(N, C) -> (N, D); a video's frames stand one after the other.

    Args:
        channels: C.
        width: D.
    """

    looks_at_embeddings = False

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.projection = nn.Linear(channels, width)

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`."""
        return cls(config.feature_shapes[modality][-1], config.text_width)

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """As many as there are feature tokens."""
        return prod(shape[:-1])

    def smallest_input(self) -> tuple[int, int]:
        """(1, C)."""
        return 1, self.projection.in_features

    def forward(self, features: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """Project all feature tokens of all media at once: (K, D)."""
        projected: Tensor = self.projection(torch.cat([medium.flatten(0, -2) for medium in features]))
        return projected
