"""`affine`: image patches, state vectors and object slots as soft tokens (PaLM-E).

Source: PaLM-E (arXiv 2303.03378, section 4): an affine map of each token of an image encoder, an MLP of a state vector
to one token, and an MLP of each slot of an object-centric encoder to m tokens. The paper does not say which
nonlinearity the MLPs have; here it is GELU. With `norm: false` it is as published.

Letters: N feature tokens, F frames, C channels, m tokens per object, K soft tokens of all media, D the LLM's embedding
size.
"""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Self, cast

import torch
from torch import Tensor, nn

from macaw_cli.modalities.table import Modality
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.normed import NormedBridge

if TYPE_CHECKING:
    from macaw_cli.config.bridges.affine import AffineBridgeSettings
    from macaw_cli.model.configuration import MacawConfig


class AffineBridge(NormedBridge):
    """`tokens`: (N, C) -> (N, D). `state`: (N, C) -> (1, D), (F, N, C) -> (F, D). `objects`: (N, C) -> (N m, D).

    Args:
        channels: C.
        hidden_size: D.
        variant: one of these.
        tokens: m, for `objects`.
        hidden: size between the two linear layers of the MLP.
        norm: features around their mean, and an output norm calibrated to the embeddings' RMS.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    def __init__(
        self, channels: int, hidden_size: int, *, variant: str, tokens: int, hidden: int, norm: bool,
        unit: float = 0.02,
    ) -> None:  # fmt: skip
        super().__init__(channels, hidden_size, norm=norm, unit=unit)
        self.hidden_size, self.variant = hidden_size, variant
        size = hidden_size * tokens if variant == "objects" else hidden_size
        mlp = nn.Sequential(nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, size))
        self.projection = nn.Linear(channels, size) if variant == "tokens" else mlp

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`."""
        settings = cast("AffineBridgeSettings", config.bridge_settings(modality))
        return cls(
            config.feature_shapes[modality][-1], config.embedding_size, variant=settings.variant,
            tokens=settings.tokens_per_object, hidden=settings.hidden or config.embedding_size, norm=settings.norm,
            unit=config.initial_embedding_std,
        )  # fmt: skip

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """One per feature token, one per state, or m per object."""
        settings = cast("AffineBridgeSettings", config.bridge_settings(modality))
        if settings.variant == "state":
            return prod(shape[:-2])
        return prod(shape[:-1]) * (settings.tokens_per_object if settings.variant == "objects" else 1)

    def soft(self, media: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """The map of all tokens, states or objects at once: (K, D)."""
        if self.variant == "state":
            media = [medium.mean(dim=-2) for medium in media]
        rows = torch.cat([medium.reshape(-1, self.channels) for medium in media])
        projected: Tensor = self.projection(rows)
        return projected.view(-1, self.hidden_size)
