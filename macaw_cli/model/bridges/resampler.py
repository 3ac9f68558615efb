"""`resampler`: learned latents read the features in several layers, and become the soft tokens.

Sources: Flamingo (arXiv 2204.14198, section 2.1, figure 5 and appendix A.1.1), OpenFlamingo's `PerceiverResampler` and
`IdeficsPerceiverResampler` of transformers. The published forms are `norm: false`: OpenFlamingo's with `frames: null`
in its released models, Idefics' with `activation: relu, frames: null`, Flamingo's with `activation: relu2, heads: 16`
(for its 3B model).

The originals keep the C channels of the features, because the layers that read the latents project them. Here whatever
reads soft tokens, also `gated-cross-attention`, reads the D channels of the LLM's embeddings, so a linear layer comes
last where C is not D. Their learned embedding of a medium's number in the conversation is left out, because a bridge
sees each medium on its own.

Letters: B sequences, N feature tokens, F frames, C channels, Q latents, D the LLM's embedding size.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.modalities.table import TABLE, Modality
from macaw_cli.model.blocks.attention import Attention
from macaw_cli.model.blocks.costs import QueryLayers
from macaw_cli.model.blocks.feed_forward import FeedForward
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.queried import QueriedBridge, sequence_tokens

if TYPE_CHECKING:
    from macaw_cli.config.bridges.resampler import ResamplerBridgeSettings
    from macaw_cli.model.configuration import MacawConfig


class ResamplerBridge(QueriedBridge):
    """(N, C) or (F, N, C) plus frame embeddings -> read by the latents (Q, C) -> LayerNorm (-> Linear) -> (Q, D).

    Args:
        channels: C.
        hidden_size: D.
        settings: of this design.
        over_time: whether media are videos, which frame embeddings are for.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    def __init__(
        self, channels: int, hidden_size: int, settings: "ResamplerBridgeSettings", *, over_time: bool,
        unit: float = 0.02,
    ) -> None:  # fmt: skip
        super().__init__(channels, hidden_size, per_frame=settings.per_frame, norm=settings.norm, unit=unit)
        self.latents = nn.Parameter(torch.randn(settings.tokens, channels))
        frames = settings.frames if over_time else None
        self.frame_embeddings = nn.Parameter(torch.zeros(frames, channels)) if frames else None
        self.layers = nn.ModuleList(
            ResamplerLayer(
                channels, heads=settings.heads, head_size=settings.head_size, expansion=settings.expansion,
                activation=settings.activation,
            )
            for _ in range(settings.layers)
        )  # fmt: skip
        self.last_norm = nn.LayerNorm(channels)
        self.projection = nn.Linear(channels, hidden_size) if channels != hidden_size else None

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`."""
        settings = cast("ResamplerBridgeSettings", config.bridge_settings(modality))
        over_time = TABLE[modality].feature_rank == 3
        channels, unit = config.feature_shapes[modality][-1], config.initial_embedding_std
        return cls(channels, config.embedding_size, settings, over_time=over_time, unit=unit)

    def initialise(self) -> None:
        """Latents start as N(0, 1); frame embeddings too, but at zero where norms make features of any size welcome."""
        init.normal_(self.latents)
        if self.frame_embeddings is not None:
            init.normal_(self.frame_embeddings) if self.centering is None else init.zeros_(self.frame_embeddings)

    @staticmethod
    def extra_memory(config: "MacawConfig", modality: Modality, soft_tokens: int, value_bytes: int) -> float:
        """Memory of the layers, each of which keeps the normed tokens beside the latents."""
        cost = _cost(config, modality)
        kept = cost.values() + cost.layers * cost.tokens * cost.channels
        return kept * soft_tokens / cost.queries * value_bytes

    @staticmethod
    def extra_operations(config: "MacawConfig", modality: Modality, soft_tokens: int) -> float:
        """Operations of the layers."""
        cost = _cost(config, modality)
        return cost.operations() * soft_tokens / cost.queries

    def soft(self, media: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """Soft tokens of all media, computed in one batch."""
        return super().soft([self._with_frames(medium) for medium in media], context)

    def answers(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """What the latents have read in each sequence: (B, Q, D)."""
        latents = self.latents.to(tokens.dtype).expand(len(tokens), -1, -1)
        if mask is not None:  # the latents stand behind the features, and are never padding
            mask = F.pad(mask, (0, latents.shape[1]), value=True)
        for layer in self.layers:
            latents = layer(latents, tokens, mask)
        normed: Tensor = self.last_norm(latents)
        return normed if self.projection is None else self.projection(normed)

    def _with_frames(self, medium: Tensor) -> Tensor:
        """A medium plus, for a video (F, N, C), the embedding of each frame."""
        if self.frame_embeddings is None:
            return medium
        frames = medium if medium.dim() == 3 else medium[None]  # the smallest input of an absent modality has no frames
        embeddings = self.frame_embeddings[: len(frames)]
        if len(frames) > len(self.frame_embeddings):
            embeddings = F.interpolate(self.frame_embeddings.T[None], len(frames), mode="linear", align_corners=True)
            embeddings = embeddings[0].T
        return frames + embeddings[:, None].to(frames)


class ResamplerLayer(nn.Module):
    """`latents += Attention(LN(latents), [LN(tokens); LN(latents)])`, then `latents += FFN(LN(latents))`; no biases.

    Args:
        width: C.
        heads: of the attention.
        head_size: of one head.
        expansion: size of the feed-forward part over C.
        activation: its nonlinearity.
    """

    def __init__(self, width: int, *, heads: int, head_size: int, expansion: int, activation: str) -> None:
        super().__init__()
        self.token_norm, self.latent_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, width, heads, head_size=head_size, bias=False)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, expansion * width, activation, bias=False)

    def forward(self, latents: Tensor, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Latents (B, Q, C), changed.

        Args:
            latents: (B, Q, C).
            tokens: (B, N, C).
            mask: (B, N + Q), true where a token or latent may be attended to; None where all may.
        """
        queries = self.latent_norm(latents)
        read = torch.cat([self.token_norm(tokens), queries], dim=1)
        latents = latents + self.attention(queries, read, mask)
        changed: Tensor = latents + self.feed_forward(self.feed_forward_norm(latents))
        return changed


def _cost(config: "MacawConfig", modality: Modality) -> QueryLayers:
    settings = cast("ResamplerBridgeSettings", config.bridge_settings(modality))
    channels = config.feature_shapes[modality][-1]
    return QueryLayers(
        layers=settings.layers, reading=settings.layers, queries=settings.tokens, width=channels, channels=channels,
        tokens=sequence_tokens(config, modality) + settings.tokens, inner=settings.heads * settings.head_size,
        feed_forward=settings.expansion * channels,
    )  # fmt: skip
