"""`gated-cross-attention`: blocks before the LLM's layers that look at the latest medium (Flamingo).

Sources: Flamingo (arXiv 2204.14198, section 2.2 and appendix A.1.2) and OpenFlamingo's `GatedCrossAttentionBlock`.

Letters: B rows, T positions, S soft tokens of all media, D the LLM's hidden size, C size of a soft token.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self, cast

import torch
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.config.injections.gated_cross_attention import GatedCrossAttentionSettings
from macaw_cli.model.injections.blocks_before_layers import BlocksBeforeLayers, block_count
from macaw_cli.model.injections.media_attention import attend
from macaw_cli.model.injections.sight import Sight

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig


class GatedCrossAttention(BlocksBeforeLayers):
    """`y += tanh(a) XAttn(LN(y), media)`, then `y += tanh(b) FFN(LN(y))`, with a = b = 0 at the start.

    A position sees the soft tokens of the last medium before it in its own example, and of no other; before the first
    medium the attention adds nothing.

    Args:
        hidden_size: D.
        channels: C.
        layers: of the LLM.
        settings: of this design.
    """

    def __init__(self, hidden_size: int, channels: int, layers: int, settings: GatedCrossAttentionSettings) -> None:
        blocks = (
            GatedCrossAttentionBlock(
                hidden_size, channels, heads=settings.heads, head_dim=settings.head_dim, expansion=settings.expansion
            )
            for _ in range(block_count(layers, first=0, every=settings.every))
        )
        super().__init__(settings.name, blocks, first=0, every=settings.every)

    @classmethod
    def from_config(cls, config: "MacawConfig") -> Self:
        """Blocks for the LLM in `config`; soft tokens are as wide as its embeddings."""
        settings = cast("GatedCrossAttentionSettings", config.injection_settings)
        text: Any = config.text_config
        return cls(int(text.hidden_size), config.embedding_size, int(text.num_hidden_layers), settings)

    @staticmethod
    def extra_memory(
        config: "MacawConfig", tokens: int, soft_tokens: int, value_bytes: int, *, recomputed: bool = False
    ) -> float:
        """Memory of all blocks; under gradient checkpointing, the input of each block and one whole block."""
        settings, text = cast("GatedCrossAttentionSettings", config.injection_settings), cast(Any, config.text_config)
        width, channels, inner = int(text.hidden_size), config.embedding_size, settings.heads * settings.head_dim
        blocks = block_count(int(text.num_hidden_layers), first=0, every=settings.every)
        # per position: both norms with what they gave, both branches before their gates, query, mixture (twice, as it
        # is masked), and the feed-forward part before and after its nonlinearity
        values = tokens * (6 * width + 3 * inner + 2 * settings.expansion * width) + soft_tokens * 2 * inner
        block = values * value_bytes + tokens * settings.heads * 4
        shared = soft_tokens * channels * value_bytes + tokens * soft_tokens * (value_bytes + 1)
        if recomputed:
            return float(blocks * tokens * width * value_bytes + block + shared)
        return float(blocks * block + shared)

    @staticmethod
    def extra_operations(config: "MacawConfig", tokens: int, media: Sequence[int]) -> float:
        """Operations of all blocks: their linear layers, and attention of each position to one medium."""
        settings, text = cast("GatedCrossAttentionSettings", config.injection_settings), cast(Any, config.text_config)
        width, channels, inner = int(text.hidden_size), config.embedding_size, settings.heads * settings.head_dim
        seen = sum(media) / max(len(media), 1)
        weights = tokens * width * (2 * inner + 2 * settings.expansion * width) + sum(media) * channels * 2 * inner
        blocks = block_count(int(text.num_hidden_layers), first=0, every=settings.every)
        return float(blocks * 2 * (weights + tokens * seen * 2 * inner))


class GatedCrossAttentionBlock(nn.Module):
    """One block; parameters as in OpenFlamingo.

    Args:
        hidden_size: D.
        channels: C.
        heads: of the attention.
        head_dim: size of one head.
        expansion: size of the feed-forward part over D.
    """

    def __init__(self, hidden_size: int, channels: int, *, heads: int, head_dim: int, expansion: int) -> None:
        super().__init__()
        inner = heads * head_dim
        self.heads = heads
        self.norm = nn.LayerNorm(hidden_size)
        self.to_q = nn.Linear(hidden_size, inner, bias=False)
        self.to_kv = nn.Linear(channels, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, hidden_size, bias=False)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(hidden_size),
            nn.Linear(hidden_size, expansion * hidden_size, bias=False),
            nn.GELU(),
            nn.Linear(expansion * hidden_size, hidden_size, bias=False),
        )
        self.gates = Gates()

    def forward(self, hidden: Tensor, media: Tensor, sight: Sight) -> Tensor:
        """Hidden states (B, T, D), changed.

        Args:
            hidden: (B, T, D).
            media: (S, C).
            sight: which soft tokens positions see.
        """
        attention_gate, feed_forward_gate = self.gates(hidden)
        hidden = hidden + attention_gate * self._attended(hidden, media.to(hidden.dtype), sight)
        changed: Tensor = hidden + feed_forward_gate * self.feed_forward(hidden)
        return changed

    def _attended(self, hidden: Tensor, media: Tensor, sight: Sight) -> Tensor:
        query = self.to_q(self.norm(hidden)).unflatten(-1, (self.heads, -1))
        key, value = (part.unflatten(-1, (self.heads, -1)) for part in self.to_kv(media).chunk(2, dim=-1))
        attended: Tensor = self.to_out(attend(query, key, value, sight).flatten(2))
        return attended


class Gates(nn.Module):
    """The two gates of a block, closed at the start."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.Parameter(torch.zeros(1))
        self.feed_forward = nn.Parameter(torch.zeros(1))

    def initialise(self) -> None:
        """Close both gates."""
        init.zeros_(self.attention)
        init.zeros_(self.feed_forward)

    def forward(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """How far they are open, in the dtype of `like`."""
        return self.attention.tanh().to(like.dtype), self.feed_forward.tanh().to(like.dtype)
