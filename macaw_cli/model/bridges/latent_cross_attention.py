"""`latent-cross-attention`: a linear layer, and one attention of learned latents to the features and to each other.

Sources: Kosmos-1 (arXiv 2302.14045, section 2.2, "resampler"), Kosmos-2 (arXiv 2306.14824, section 3.2) and
`Kosmos2ImageToTextProjection` of transformers, which is `norm: false`. The originals read CLIP's tokens divided by
their length, and multiply soft tokens by the square root of D as they do with word embeddings. With `norm: true` the
last LayerNorm sets the size instead. They have images only; a video's frames are read one by one.

Letters: B sequences, N feature tokens, C channels, Q latents, D the LLM's embedding size.
"""

from typing import TYPE_CHECKING, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.attention import Attention, heads_of
from macaw_cli.model.blocks.costs import QueryLayers
from macaw_cli.model.bridges.queried import QueriedBridge, sequence_tokens

if TYPE_CHECKING:
    from macaw_cli.config.bridges.latent_cross_attention import LatentCrossAttentionBridgeSettings
    from macaw_cli.model.configuration import MacawConfig


class LatentCrossAttentionBridge(QueriedBridge):
    """(N, C) -> Linear -> (N, D), read together with the latents by the latents (Q, D) -> (Q, D); no residual, no norm.

    Args:
        channels: C.
        hidden_size: D.
        tokens: Q.
        heads: of the attention, a divisor of D.
        per_frame: whether each frame of a video is read on its own.
        norm: centered features, and soft tokens as large as the LLM's embeddings.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    def __init__(
        self, channels: int, hidden_size: int, *, tokens: int, heads: int, per_frame: bool, norm: bool,
        unit: float = 0.02,
    ) -> None:  # fmt: skip
        super().__init__(channels, hidden_size, per_frame=per_frame, norm=norm, unit=unit)
        self.projection = nn.Linear(channels, hidden_size)
        self.latents = nn.Parameter(torch.randn(tokens, hidden_size))
        self.attention = Attention(hidden_size, hidden_size, heads)

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`.

        Raises:
            UsageError: the heads do not divide D.
        """
        settings = cast("LatentCrossAttentionBridgeSettings", config.bridge_settings(modality))
        hidden_size = config.embedding_size
        return cls(
            config.feature_shapes[modality][-1], hidden_size, tokens=settings.tokens,
            heads=heads_of("the LLM's embeddings", hidden_size, settings.heads), per_frame=settings.per_frame,
            norm=settings.norm, unit=config.initial_embedding_std,
        )  # fmt: skip

    def initialise(self) -> None:
        """Latents start as N(0, 1)."""
        init.normal_(self.latents)

    @staticmethod
    def extra_memory(config: "MacawConfig", modality: Modality, soft_tokens: int, value_bytes: int) -> float:
        """Memory of the projected features, alone and beside the latents, and of their keys and values."""
        cost = _cost(config, modality)
        sequences = soft_tokens / cost.queries
        return sequences * (cost.values() + 2 * cost.tokens * cost.width) * value_bytes

    @staticmethod
    def extra_operations(config: "MacawConfig", modality: Modality, soft_tokens: int) -> float:
        """Operations of the projection and the attention."""
        cost = _cost(config, modality)
        projection = 2.0 * cost.tokens * config.feature_shapes[modality][-1] * config.embedding_size
        return soft_tokens / cost.queries * (cost.operations() + projection)

    def answers(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """What the latents have read in each sequence: (B, Q, D)."""
        projected = self.projection(tokens)
        latents = self.latents.to(projected.dtype).expand(len(tokens), -1, -1)
        if mask is not None:  # the latents stand behind the features, and are never padding
            mask = F.pad(mask, (0, latents.shape[1]), value=True)
        read: Tensor = self.attention(latents, torch.cat([projected, latents], dim=1), mask)
        return read


def _cost(config: "MacawConfig", modality: Modality) -> QueryLayers:
    settings = cast("LatentCrossAttentionBridgeSettings", config.bridge_settings(modality))
    width = config.embedding_size
    return QueryLayers(
        layers=1, reading=1, queries=settings.tokens, tokens=sequence_tokens(config, modality) + settings.tokens,
        width=width, channels=width, inner=width,
    )  # fmt: skip
