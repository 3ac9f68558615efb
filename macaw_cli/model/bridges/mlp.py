"""`mlp`: linear layers with GELU between them, one soft token per feature token (LLaVA 1.5's `mlp2x_gelu`)."""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, nn

from macaw_cli.config.settings import Modality
from macaw_cli.model.bridges.protocol import BridgeContext

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig


class MlpBridge(nn.Module):
    """(N, C) -> (N, D) through `layers` matrices, the first C x D and the others D x D.

    Args:
        channels: C.
        width: D.
        layers: number of matrices, at least 1.
    """

    looks_at_embeddings = False

    def __init__(self, channels: int, width: int, layers: int) -> None:
        super().__init__()
        self.channels = channels
        steps: list[nn.Module] = [nn.Linear(channels, width)]
        for _ in range(layers - 1):
            steps += [nn.GELU(), nn.Linear(width, width)]
        self.projection = nn.Sequential(*steps)

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`."""
        return cls(config.feature_shapes[modality][-1], config.text_width, config.bridge_settings.layers)

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """As many as there are feature tokens."""
        return prod(shape[:-1])

    def smallest_input(self) -> tuple[int, int]:
        """(1, C)."""
        return 1, self.channels

    def forward(self, features: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """Project all feature tokens of all media at once: (K, D)."""
        projected: Tensor = self.projection(torch.cat([medium.flatten(0, -2) for medium in features]))
        return projected
