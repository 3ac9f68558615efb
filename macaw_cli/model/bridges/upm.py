"""`upm`: learned queries and feature tokens through transformers that all modalities share, mixed by a router.

Source: OneLLM (arXiv 2312.03700, section 3.3, "Universal Projection Module") and its code, which this computes with
`norm: false`. The code applies the router to all tokens and uses its weights at the queries alone. There they depend on
the queries only, so the router reads nothing else here. Frames of a video are averaged, as in the paper.

Letters: B media, N feature tokens, F frames, C channels, Q queries, W width and E number of experts, K soft tokens of
all media, D the LLM's embedding size.
"""

from collections.abc import Sequence
from math import ceil, prod
from typing import TYPE_CHECKING, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.basics.errors import UsageError
from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.attention import heads_of
from macaw_cli.model.blocks.bidirectional_layers import BidirectionalLayer
from macaw_cli.model.blocks.media_batch import padded
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.normed import NormedBridge

if TYPE_CHECKING:
    from macaw_cli.config.bridges.upm import UpmBridgeSettings
    from macaw_cli.model.configuration import MacawConfig

QUERY_STD = 0.02
LARGEST_WIDTH = 1024
Sizes = tuple[int, int, int, int, int]
"""Of the experts: their number, their layers, W, heads and width of the MLPs."""


class Experts(nn.Module):
    """E transformers that read the same tokens.

    Args:
        sizes: see `Sizes`.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        experts, layers, width, heads, inner = sizes
        self.experts = nn.ModuleList(
            nn.ModuleList(BidirectionalLayer(width, heads, inner) for _ in range(layers)) for _ in range(experts)
        )

    def forward(self, tokens: Tensor, mask: Tensor | None, shares: Tensor) -> Tensor:
        """What the experts make of the queries, weighted: (B, Q, W).

        Args:
            tokens: (B, Q + N, W), queries first.
            mask: (B, Q + N), true where there is a token; None where there is one everywhere.
            shares: (Q, E), how much of each expert a query takes.
        """
        made = []
        for number, layers in enumerate(self.experts):
            read = tokens
            for layer in cast(nn.ModuleList, layers):
                read = layer(read, mask)
            made.append(read[:, : len(shares)] * shares[:, number, None])
        return torch.stack(made).sum(dim=0)


class UpmBridge(NormedBridge):
    """(N, C) -> Linear to W -> LayerNorm -> behind Q queries through the experts -> Linear to D -> LayerNorm -> (Q, D).

    Args:
        channels: C.
        hidden_size: D.
        tokens: Q.
        sizes: of the experts.
        mean_of_frames: whether a video is the mean of its frames.
        norm: features around their mean, and the last norm calibrated to the embeddings' RMS.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    shared: Experts

    def __init__(
        self, channels: int, hidden_size: int, *, tokens: int, sizes: Sizes, mean_of_frames: bool, norm: bool,
        unit: float = 0.02,
    ) -> None:  # fmt: skip
        super().__init__(channels, hidden_size, norm=norm, unit=unit, own_norm=nn.LayerNorm(hidden_size))
        self.sizes, self.mean_of_frames = sizes, mean_of_frames
        experts, _, width, _, _ = sizes
        self.projection = nn.Sequential(nn.Linear(channels, width), nn.LayerNorm(width))
        self.queries = nn.Parameter(torch.randn(tokens, width) * QUERY_STD)
        self.router = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, experts))
        self.output = nn.Linear(width, hidden_size)

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`.

        Raises:
            UsageError: the modalities with this design want experts of different sizes, or heads do not divide W.
        """
        settings = cast("UpmBridgeSettings", config.bridge_settings(modality))
        sizes = _sizes(config, modality)
        for other in config.modalities:
            if config.bridge_settings(other).name == settings.name and _sizes(config, other) != sizes:
                raise UsageError(
                    f"The experts of `upm` are shared by all modalities, but differ between {modality} and {other}.",
                    "Give both the same `width`, `experts`, `layers`, `heads` and `inner`.",
                )
        return cls(
            config.feature_shapes[modality][-1], config.embedding_size, tokens=settings.tokens, sizes=sizes,
            mean_of_frames=settings.frames == "mean", norm=settings.norm, unit=config.initial_embedding_std,
        )  # fmt: skip

    def make_shared(self) -> Experts:
        """The experts."""
        return Experts(self.sizes)

    def initialise(self) -> None:
        """Small random queries."""
        init.normal_(self.queries, std=QUERY_STD)

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """Q for every shape."""
        return cast("UpmBridgeSettings", config.bridge_settings(modality)).tokens

    @staticmethod
    def extra_memory(config: "MacawConfig", modality: Modality, soft_tokens: int, value_bytes: int) -> float:
        """What the layers of the experts keep of every token: inputs and outputs of their matrices."""
        experts, layers, width, _, inner = _sizes(config, modality)
        media, length = _batch(config, modality, soft_tokens)
        return media * length * experts * layers * (8 * width + 4 * inner) * value_bytes

    @staticmethod
    def extra_operations(config: "MacawConfig", modality: Modality, soft_tokens: int) -> float:
        """Operations of the experts."""
        experts, layers, width, _, inner = _sizes(config, modality)
        media, length = _batch(config, modality, soft_tokens)
        per_token = 4 * width**2 + 3 * width * inner + 2 * length * width
        return 2.0 * media * length * experts * layers * per_token

    def soft(self, media: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """All media through the experts as one batch: (K, D)."""
        tokens, mask = padded([self._sequence(medium) for medium in media])
        count = len(self.queries)
        queries = self.queries.expand(len(tokens), -1, -1)
        tokens = torch.cat([queries, self.projection(tokens)], dim=1)
        weights = self.router(self.queries).sigmoid()
        shares = weights / weights.sum(dim=-1, keepdim=True)
        mask = None if mask is None else F.pad(mask, (count, 0), value=True)
        mixed: Tensor = self.output(self.shared(tokens, mask, shares))
        return mixed.flatten(0, 1)

    def _sequence(self, medium: Tensor) -> Tensor:
        if medium.dim() == 3 and self.mean_of_frames:
            return medium.mean(dim=0)
        return medium.flatten(0, -2)


def _sizes(config: "MacawConfig", modality: Modality) -> Sizes:
    """Sizes of the experts, with the defaults."""
    settings = cast("UpmBridgeSettings", config.bridge_settings(modality))
    width = settings.width or min(config.embedding_size, LARGEST_WIDTH)
    heads = heads_of("the experts", width, settings.heads)
    inner = settings.inner or 256 * ceil(8 * width / 3 / 256)
    return settings.experts, settings.layers, width, heads, inner


def _batch(config: "MacawConfig", modality: Modality, soft_tokens: int) -> tuple[float, int]:
    """Media that make so many soft tokens, and the tokens that the experts read of one of the usual shape."""
    settings = cast("UpmBridgeSettings", config.bridge_settings(modality))
    shape = config.feature_shapes[modality]
    read = shape[-2] if settings.frames == "mean" else prod(shape[:-1])
    return soft_tokens / settings.tokens, read + settings.tokens
