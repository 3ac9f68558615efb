"""`mllama-cross-attention`: whole layers of cross-attention between the LLM's layers (Llama 3.2 Vision).

Sources: The Llama 3 Herd of Models (arXiv 2407.21783, section 7.2) and `MllamaCrossAttentionDecoderLayer` of
transformers. Two things differ. Where a position sees no media, the attention adds nothing: the original lets it look
at all media there, also at later ones, which would mix packed examples. Soft tokens may be of another width than the
hidden states.

Letters: B rows, T positions, S soft tokens of all media, D the LLM's hidden size, C size of a soft token, H heads, G
heads of keys and values, d depth of a head, I size of the feed-forward part.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.injections.mllama_cross_attention import MllamaCrossAttentionSettings
from macaw_cli.model.injections.blocks_before_layers import BlocksBeforeLayers, block_count
from macaw_cli.model.injections.bound_media import BoundMedia
from macaw_cli.model.injections.media_attention import attend
from macaw_cli.model.injections.sight import Sight

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig

FEED_FORWARD_SIZES = ("intermediate_size", "ffn_dim", "n_inner")
"""What configurations call the size of an LLM's feed-forward part."""


class MllamaSizes(NamedTuple):
    """Sizes of the inserted layers."""

    hidden: int
    """D."""
    channels: int
    """C."""
    heads: int
    """H."""
    kv_heads: int
    """G."""
    head_dim: int
    """d."""
    feed_forward: int
    """I."""
    eps: float
    """Of the norms."""


class MllamaCrossAttention(BlocksBeforeLayers):
    """`y += tanh(a) XAttn(RMS(y), media)`, then `y += tanh(b) m SwiGLU(RMS(y))`, with a = b = 0 at the start.

    Queries and keys are normed per head. m is 1 where a position sees media, else 0. A position sees the soft tokens of
    the last medium before it in its own example, and of those that stand directly before that one.

    Args:
        sizes: of the layers.
        layers: of the LLM.
        settings: of this design.
        distance: positions between two media with no text between them: an end and a begin token, or none.
    """

    def __init__(
        self, sizes: MllamaSizes, layers: int, settings: MllamaCrossAttentionSettings, distance: int = 2
    ) -> None:
        first = _first(layers, settings)
        count = block_count(layers, first=first, every=settings.every)
        blocks = (MllamaCrossAttentionLayer(sizes) for _ in range(count))
        super().__init__(settings.name, blocks, first=first, every=settings.every)
        self.distance = distance

    @classmethod
    def from_config(cls, config: "MacawConfig") -> Self:
        """Layers for the LLM in `config`; soft tokens are as wide as its embeddings.

        Raises:
            UsageError: the heads of queries cannot share those of keys and values.
        """
        settings = cast("MllamaCrossAttentionSettings", config.injection_settings)
        return cls(_sizes(config), _layers(config), settings, _distance(config))

    @staticmethod
    def extra_memory(
        config: "MacawConfig", tokens: int, soft_tokens: int, value_bytes: int, *, recomputed: bool = False
    ) -> float:
        """Memory of all layers; under gradient checkpointing, the input of each and one whole layer."""
        one, blocks = _sizes(config), _blocks(config)
        inner, soft = one.heads * one.head_dim, one.kv_heads * one.head_dim
        # per position: both norms with what they gave, both branches before their gates, the query, normed too, the
        # mixture, twice, as it is masked, and the feed-forward part: two linear layers, the nonlinearity, the product
        values = tokens * (6 * one.hidden + 4 * inner + 4 * one.feed_forward) + soft_tokens * 3 * soft
        block = values * value_bytes + tokens * one.heads * 4
        shared = soft_tokens * one.channels * value_bytes + tokens * soft_tokens * (value_bytes + 1)
        if recomputed:
            return float(blocks * tokens * one.hidden * value_bytes + block + shared)
        return float(blocks * block + shared)

    @staticmethod
    def extra_operations(config: "MacawConfig", tokens: int, media: Sequence[int]) -> float:
        """Operations of all layers: their linear layers, and attention of each position to one medium."""
        one = _sizes(config)
        inner, soft = one.heads * one.head_dim, one.kv_heads * one.head_dim
        seen = sum(media) / max(len(media), 1)
        weights = tokens * one.hidden * (2 * inner + 3 * one.feed_forward) + sum(media) * one.channels * 2 * soft
        return float(_blocks(config) * 2 * (weights + tokens * seen * 2 * inner))

    def sees(self, media: BoundMedia, latest: Tensor) -> Tensor:
        """Those of the latest medium and of its neighbours before it."""
        if not len(media.rows):
            return super().sees(media, latest)
        groups = media.groups(self.distance)
        same: Tensor = groups[latest.clamp(min=0)][:, :, None] == groups[media.medium]
        return same & (media.medium <= latest[:, :, None])


class MllamaCrossAttentionLayer(nn.Module):
    """One inserted layer; parameters as in transformers' `MllamaCrossAttentionDecoderLayer`.

    Args:
        sizes: D, C, H, G, d, I.
    """

    def __init__(self, sizes: MllamaSizes) -> None:
        super().__init__()
        self.cross_attn = MllamaAttention(sizes)
        self.input_layernorm = nn.RMSNorm(sizes.hidden, eps=sizes.eps)
        self.mlp = SwiGlu(sizes.hidden, sizes.feed_forward)
        self.post_attention_layernorm = nn.RMSNorm(sizes.hidden, eps=sizes.eps)
        self.cross_attn_attn_gate = nn.Parameter(torch.zeros(1))
        self.cross_attn_mlp_gate = nn.Parameter(torch.zeros(1))

    def initialise(self) -> None:
        """Close both gates."""
        init.zeros_(self.cross_attn_attn_gate)
        init.zeros_(self.cross_attn_mlp_gate)

    def forward(self, hidden: Tensor, media: Tensor, sight: Sight) -> Tensor:
        """Hidden states (B, T, D), changed.

        Args:
            hidden: (B, T, D).
            media: (S, C).
            sight: which soft tokens positions see.
        """
        attention_gate, feed_forward_gate = (
            gate.tanh().to(hidden.dtype) for gate in (self.cross_attn_attn_gate, self.cross_attn_mlp_gate)
        )
        attended = self.cross_attn(self.input_layernorm(hidden), media.to(hidden.dtype), sight)
        hidden = hidden + attention_gate * attended
        fed: Tensor = self.mlp(self.post_attention_layernorm(hidden)) * sight.sees_any[..., None]
        return hidden + feed_forward_gate * fed


class MllamaAttention(nn.Module):
    """Attention to soft tokens, with queries and keys normed per head.

    Args:
        sizes: D, C, H, G, d.
    """

    def __init__(self, sizes: MllamaSizes) -> None:
        super().__init__()
        self.head_dim = sizes.head_dim
        inner, soft = sizes.heads * sizes.head_dim, sizes.kv_heads * sizes.head_dim
        self.q_proj = nn.Linear(sizes.hidden, inner, bias=False)
        self.k_proj = nn.Linear(sizes.channels, soft, bias=False)
        self.v_proj = nn.Linear(sizes.channels, soft, bias=False)
        self.o_proj = nn.Linear(inner, sizes.hidden, bias=False)
        self.q_norm = nn.RMSNorm(sizes.head_dim, eps=sizes.eps)
        self.k_norm = nn.RMSNorm(sizes.head_dim, eps=sizes.eps)

    def forward(self, hidden: Tensor, media: Tensor, sight: Sight) -> Tensor:
        """(B, T, D), zeros where a position sees nothing; arguments as those of a layer."""
        query, key, value = (
            made.unflatten(-1, (-1, self.head_dim))
            for made in (self.q_proj(hidden), self.k_proj(media), self.v_proj(media))
        )
        attended: Tensor = self.o_proj(attend(self.q_norm(query), self.k_norm(key), value, sight).flatten(2))
        return attended


class SwiGlu(nn.Module):
    """`W3 (SiLU(W1 y) * W2 y)` (arXiv 2002.05202, section 2).

    Args:
        width: D.
        inner: I.
    """

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., D), each token on its own."""
        changed: Tensor = self.down_proj(F.silu(self.gate_proj(tokens)) * self.up_proj(tokens))
        return changed


def _layers(config: "MacawConfig") -> int:
    return int(cast(Any, config.text_config).num_hidden_layers)


def _distance(config: "MacawConfig") -> int:
    """Positions of the ids that surround media, between two of them."""
    if config.begin_end_ids:
        return 2
    before, after = (max((len(both[side]) for both in config.surrounding_ids.values()), default=0) for side in (0, 1))
    return before + after


def _first(layers: int, settings: MllamaCrossAttentionSettings) -> int:
    return min(settings.first, layers - 1)


def _blocks(config: "MacawConfig") -> int:
    settings = cast("MllamaCrossAttentionSettings", config.injection_settings)
    layers = _layers(config)
    return block_count(layers, first=_first(layers, settings), every=settings.every)


def _sizes(config: "MacawConfig") -> MllamaSizes:
    """The sizes as set, else the LLM's."""
    settings, text = cast("MllamaCrossAttentionSettings", config.injection_settings), cast(Any, config.text_config)
    hidden, their_heads = int(text.hidden_size), int(text.num_attention_heads)
    heads = settings.heads or their_heads
    kv_heads = settings.kv_heads or settings.heads or getattr(text, "num_key_value_heads", None) or heads
    if heads % kv_heads:
        raise UsageError(
            f"{heads} heads of queries cannot share {kv_heads} heads of keys and values.",
            "Set injection.kv_heads to a divisor of injection.heads.",
        )
    head_dim = settings.head_dim or getattr(text, "head_dim", None) or hidden // their_heads
    inner = next((found for name in FEED_FORWARD_SIZES if (found := getattr(text, name, None))), 4 * hidden)
    eps = float(getattr(text, "rms_norm_eps", None) or 1e-5)
    feed_forward = settings.hidden or int(inner)
    return MllamaSizes(hidden, config.embedding_size, heads, int(kv_heads), int(head_dim), feed_forward, eps)
