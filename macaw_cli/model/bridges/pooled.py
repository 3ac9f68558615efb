"""`pooled`: the mean of all feature tokens, and one linear layer to a few soft tokens.

Source: Frozen (arXiv 2106.13884, section 3.1, "Visual Prefix"): a global feature vector becomes n = 2 vectors of the
LLM's size. Frozen trains its image encoder. Encoders of macaw do not train, so a residual MLP may stand in for it. For
the encoder's own global vector, such as a class token, store that one token per medium (see docs/encoders.md).

Letters: M media, N feature tokens, F frames, C channels, n soft tokens per medium, D the LLM's embedding size.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, cast

from torch import Tensor, nn

from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.media_batch import padded
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.normed import NormedBridge

if TYPE_CHECKING:
    from macaw_cli.config.bridges.pooled import PooledBridgeSettings
    from macaw_cli.model.configuration import MacawConfig


class PooledBridge(NormedBridge):
    """(N, C) or (F, N, C) -> mean (C,) (-> plus Linear-GELU-Linear of it) -> Linear -> (n, D).

    Args:
        channels: C.
        hidden_size: D.
        tokens: n.
        head: hidden size of the residual MLP, or None.
        norm: centered features, and soft tokens as large as the LLM's embeddings.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    def __init__(
        self, channels: int, hidden_size: int, *, tokens: int, head: int | None, norm: bool, unit: float = 0.02
    ) -> None:
        super().__init__(channels, hidden_size, norm=norm, unit=unit)
        self.hidden_size = hidden_size
        mlp = nn.Sequential(nn.Linear(channels, head), nn.GELU(), nn.Linear(head, channels)) if head else None
        self.head = mlp
        self.projection = nn.Linear(channels, tokens * hidden_size)

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`."""
        settings = cast("PooledBridgeSettings", config.bridge_settings(modality))
        return cls(
            config.feature_shapes[modality][-1], config.embedding_size, tokens=settings.tokens, head=settings.head,
            norm=settings.norm, unit=config.initial_embedding_std,
        )  # fmt: skip

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """As many for every shape."""
        return cast("PooledBridgeSettings", config.bridge_settings(modality)).tokens

    def soft(self, media: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """The means of all media, (M, C), to (M n, D)."""
        tokens, mask = padded([medium.flatten(0, -2) for medium in media])
        pooled = tokens.mean(dim=1) if mask is None else tokens.sum(dim=1) / mask.sum(dim=1, keepdim=True)
        if self.head is not None:
            pooled = pooled + self.head(pooled)
        projected: Tensor = self.projection(pooled)
        return projected.view(-1, self.hidden_size)
