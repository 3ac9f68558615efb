"""`gated-cross-attention`: blocks before the LLM's layers that look at the latest medium (Flamingo).

Sources: Flamingo (arXiv 2204.14198, section 2.2 and appendix A.1.2) and OpenFlamingo's `GatedCrossAttentionBlock`.

Letters: B rows, T positions, S soft tokens of all media, D the LLM's hidden size, C size of a soft token.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import initialization as init

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.injections.gated_cross_attention import GatedCrossAttentionSettings
from macaw_cli.model.compilation import decoder_layers
from macaw_cli.model.injections.injection import Injection

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig


class GatedCrossAttention(Injection):
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
        super().__init__()
        self.every = settings.every
        self.blocks = nn.ModuleList(
            GatedCrossAttentionBlock(
                hidden_size, channels, heads=settings.heads, head_dim=settings.head_dim, expansion=settings.expansion
            )
            for _ in range(_block_count(layers, settings))
        )

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
        blocks = _block_count(int(text.num_hidden_layers), settings)
        # per position: both norms with what they gave, both branches before their gates, query, mixture (twice, as it
        # is masked), and the feed-forward part before and after its nonlinearity
        values = tokens * (6 * width + 3 * inner + 2 * settings.expansion * width) + soft_tokens * 2 * inner
        block = values * value_bytes + tokens * settings.heads * 4 + tokens * soft_tokens * (value_bytes + 1)
        shared = soft_tokens * channels * value_bytes + tokens * soft_tokens
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
        return float(_block_count(int(text.num_hidden_layers), settings) * 2 * (weights + tokens * seen * 2 * inner))

    def attach(self, llm: nn.Module) -> None:
        """Put a block before every n-th layer.

        Raises:
            MismatchError: the LLM's layers cannot be told, or are not as many as its configuration says.
        """
        layers = decoder_layers(llm)[:: self.every]
        if len(layers) != len(self.blocks):
            raise MismatchError(
                f"The injection gated-cross-attention needs {len(self.blocks)} layers of the LLM to attach to, "
                f"but found {len(layers)}.",
                "Choose another LLM, or set injection to none.",
            )
        for block, layer in zip(self.blocks, layers, strict=True):
            layer.register_forward_pre_hook(partial(self._before_layer, block), with_kwargs=True)

    def _before_layer(
        self, block: nn.Module, layer: Any, inputs: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Change the hidden states that a layer is called with."""
        if not self.is_bound:
            return None
        hidden = inputs[0] if inputs else named["hidden_states"]
        media, visible = self.visible(*hidden.shape[:2])
        changed = _run(block, layer, hidden, media.tokens, visible)
        if inputs:
            return (changed, *inputs[1:]), named
        return inputs, {**named, "hidden_states": changed}


def _block_count(layers: int, settings: GatedCrossAttentionSettings) -> int:
    return len(range(0, layers, settings.every))


def _run(block: nn.Module, layer: Any, *inputs: Tensor) -> Tensor:
    """The block, whose values are not kept but computed again in the backward pass where the layer's are."""
    if layer.gradient_checkpointing and layer.training:
        recomputed: Tensor = checkpoint(block, *inputs, use_reentrant=False)
        return recomputed
    changed: Tensor = block(*inputs)
    return changed


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

    def forward(self, hidden: Tensor, media: Tensor, visible: Tensor) -> Tensor:
        """Hidden states (B, T, D), changed.

        Args:
            hidden: (B, T, D).
            media: (S, C).
            visible: (B, T, S), true where a position sees a soft token.
        """
        attention_gate, feed_forward_gate = self.gates(hidden)
        hidden = hidden + attention_gate * self._attended(hidden, media.to(hidden.dtype), visible)
        changed: Tensor = hidden + feed_forward_gate * self.feed_forward(hidden)
        return changed

    def _attended(self, hidden: Tensor, media: Tensor, visible: Tensor) -> Tensor:
        rows, length, _ = hidden.shape
        query = self.to_q(self.norm(hidden)).view(1, rows * length, self.heads, -1).transpose(1, 2)
        key, value = (
            part.view(1, len(media), self.heads, -1).transpose(1, 2) for part in self.to_kv(media).chunk(2, dim=-1)
        )
        sees = visible.any(dim=-1, keepdim=True)
        mask = (visible | ~sees).view(1, 1, rows * length, len(media))  # a row of no keys would be NaN
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        mixed = mixed.transpose(1, 2).reshape(rows, length, -1) * sees
        attended: Tensor = self.to_out(mixed)
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
