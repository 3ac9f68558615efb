"""`visual-vocabulary`: soft tokens from a table of learned words, of which each window of features takes its shares.

Source: Ovis (arXiv 2405.20797, section 3.2), in the form of Ovis 2: the head of `Ovis2VisionModel` and
`Ovis2VisualEmbeddingTable` of transformers, with `norm: false`. There `gumbel` draws words in use as well as in
training; here it draws in training only, so that an answer does not depend on chance.

Letters: N feature tokens on a grid of h x h, C channels, s scale, K soft tokens of all media, V learned words, D the
LLM's embedding size.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.grid import Size, is_square, per_size, windows
from macaw_cli.model.bridges.grid import WindowBridge

if TYPE_CHECKING:
    from macaw_cli.config.bridges.visual_vocabulary import VisualVocabularyBridgeSettings
    from macaw_cli.model.configuration import MacawConfig


class WordTable(nn.Embedding):
    """Learned words (V, D), of which shares are taken."""

    def forward(self, shares: Tensor) -> Tensor:
        """Weighted means of the words: shares (K, V) to (K, D)."""
        return shares @ self.weight


class VisualVocabularyBridge(WindowBridge):
    """(h, h, C) -> windows of s x s -> (N/s², s²C) -> Linear to V, no bias -> LayerNorm -> softmax -> times the table.

    Args:
        channels: C.
        hidden_size: D.
        words: V.
        scale: s.
        choice: how words are taken, see the settings.
        square: whether the grids are square.
        norm: features around their mean, and an output norm calibrated to the embeddings' RMS.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    def __init__(
        self, channels: int, hidden_size: int, *, words: int, scale: int, choice: str, square: bool, norm: bool,
        unit: float = 0.02,
    ) -> None:  # fmt: skip
        super().__init__(channels, hidden_size, scale=scale, square=square, norm=norm, unit=unit)
        self.choice = choice
        self.head_linear = nn.Linear(scale * scale * channels, words, bias=False)
        self.head_norm = nn.LayerNorm(words)
        self.table = WordTable(words, hidden_size)

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`."""
        settings = cast("VisualVocabularyBridgeSettings", config.bridge_settings(modality))
        return cls(
            config.feature_shapes[modality][-1], config.embedding_size, words=settings.words, scale=settings.scale,
            choice=settings.choice, square=is_square(modality), norm=settings.norm, unit=config.initial_embedding_std,
        )  # fmt: skip

    @staticmethod
    def extra_memory(config: "MacawConfig", modality: Modality, soft_tokens: int, value_bytes: int) -> float:
        """What is kept for each soft token and word: logits before and after their norm, shares in fp32 and rounded."""
        settings = cast("VisualVocabularyBridgeSettings", config.bridge_settings(modality))
        return soft_tokens * settings.words * (3 * value_bytes + 4)

    @staticmethod
    def extra_operations(config: "MacawConfig", modality: Modality, soft_tokens: int) -> float:
        """Operations of the head and of the weighted means."""
        settings = cast("VisualVocabularyBridgeSettings", config.bridge_settings(modality))
        row = settings.scale**2 * config.feature_shapes[modality][-1]
        return 2.0 * soft_tokens * settings.words * (row + config.embedding_size)

    def from_grids(self, tokens: Tensor, sizes: Sequence[Size]) -> Tensor:
        """Words for the windows of all frames at once: (K, D)."""
        rows = per_size(tokens, sizes, lambda frames: windows(frames, self.window).flatten(2))
        soft: Tensor = self.table(self._shares(self.head_norm(self.head_linear(rows))).to(rows.dtype))
        return soft

    def _shares(self, logits: Tensor) -> Tensor:
        """How much of each word: (K, V), fp32."""
        if self.choice == "gumbel" and self.training:
            return F.gumbel_softmax(logits.float(), hard=True)
        shares = logits.softmax(dim=-1, dtype=torch.float32)
        if self.choice == "softmax":
            return shares
        chosen = torch.zeros_like(shares).scatter_(-1, shares.argmax(dim=-1, keepdim=True), 1.0)
        return chosen - shares.detach() + shares
