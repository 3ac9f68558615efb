"""A training step as the published Macaw-LLM code does it, written from its description; the other side of benchmarks.

Every example is text padded to 256 tokens behind the blocks of all three media, absent ones being null features. Each
modality's soft tokens attend to the embedding matrix with `torch.nn.MultiheadAttention`, the matrix behind every
example, so that it is projected to keys and values once per example and modality. Logits are made of all positions.

Where the published code is slower still it is not followed: attention weights are not returned, so that torch takes
its fused kernel, and the LLM is that of today's transformers, with SDPA.

Letters: B examples, N feature tokens, C channels, K soft tokens, D width, V vocabulary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TEXT_TOKENS = 256
ORDER = ("image", "audio", "video")
WINDOWS = {"image": (48, 36), "audio": (240, 220), "video": (36, 30)}
"""Modality to the published kernel and stride."""
DROPOUT = 0.1
IGNORED = -100


@dataclass(frozen=True)
class PublishedBatch:
    """Texts of equal length and one medium of each modality per example."""

    input_ids: Tensor
    """(B, 256)"""
    mask: Tensor
    """(B, 256), 0 on padding."""
    labels: Tensor
    """(B, 256)"""
    features: Mapping[str, Tensor]
    """Modality to (B, N, C), video (B, F, N, C)."""


class PublishedBridge(nn.Module):
    """Features (B, ..., C) to soft tokens (B, K, D)."""

    def __init__(self, channels: int, width: int, modality: str, heads: int = 8) -> None:
        super().__init__()
        attention = {"dropout": DROPOUT, "add_bias_kv": True, "add_zero_attn": True, "batch_first": True}
        self.self_attention = nn.MultiheadAttention(channels, heads, **attention) if modality == "video" else None
        self.convolution = nn.Conv1d(channels, channels, *WINDOWS[modality])
        self.projection = nn.Linear(channels, width)
        self.alignment = nn.MultiheadAttention(width, 2 * heads, **attention)

    def forward(self, features: Tensor, matrix: Tensor) -> Tensor:
        """The bridge, with the matrix (V, D) repeated for each example."""
        tokens = features.flatten(1, -2)
        if self.self_attention is not None:
            tokens = tokens + published_sinusoid(tokens.shape[1], tokens.shape[2]).to(tokens)
            tokens = self.self_attention(tokens, tokens, tokens, need_weights=False)[0]
        soft = self.projection(self.convolution(tokens.transpose(1, 2)).transpose(1, 2))
        behind_each = matrix.expand(len(soft), -1, -1)
        return self.alignment(soft, behind_each, behind_each, need_weights=False)[0]


class PublishedModel(nn.Module):
    """The LLM with three published bridges.

    Args:
        llm: a causal LLM of transformers; the tags' ids are rows of its embedding matrix.
        shapes: modality to the shape of one medium's features.
        tags: id of the first of the six tags.
    """

    def __init__(self, llm: nn.Module, shapes: Mapping[str, Sequence[int]], tags: int) -> None:
        super().__init__()
        self.llm = llm
        width = llm.get_input_embeddings().weight.shape[1]
        self.bridges = nn.ModuleDict({name: PublishedBridge(shapes[name][-1], width, name) for name in ORDER})
        self.register_buffer("tags", torch.arange(tags, tags + 6).view(3, 2), persistent=False)

    def forward(self, batch: PublishedBatch) -> Tensor:
        """Mean loss over the response tokens."""
        embed = self.llm.get_input_embeddings()
        text = embed(batch.input_ids)
        blocks = [text[:, :1]]
        for tags, name in zip(self.tags, ORDER, strict=True):
            opening, closing = embed(tags).expand(len(text), -1, -1).split(1, dim=1)
            blocks += [opening, self.bridges[name](batch.features[name].to(text), embed.weight), closing]
        embeds = torch.cat([*blocks, text[:, 1:]], dim=1)
        added = embeds.shape[1] - text.shape[1]
        mask, labels = F.pad(batch.mask, (added, 0), value=1), F.pad(batch.labels, (added, 0), value=IGNORED)
        logits = self.llm(inputs_embeds=embeds, attention_mask=mask, use_cache=False).logits
        return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)


def published_sinusoid(positions: int, channels: int) -> Tensor:
    """The published position code, whose exponent is doubled."""
    pairs = torch.arange(channels // 2, dtype=torch.float32)
    angles = torch.arange(positions, dtype=torch.float32)[:, None] * 10000.0 ** (-4 * pairs / channels)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
