"""`align`: soft tokens that are weighted means of the LLM's word embeddings.

Source: AlignVLM (arXiv 2502.01341, section 3.2), with a LayerNorm on the logits as an option: `logits_norm`. The layer
to the vocabulary starts as the LLM's output layer and is trained from there on. `stride` is macaw's own.

Letters: N feature tokens, C channels, k stride, K soft tokens of all media, V rows of the vocabulary, D the LLM's
embedding size.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, cast

import torch
from torch import Tensor, nn

from macaw_cli.basics.errors import UsageError
from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.stacking import stacked, stacked_count
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.normed import NormedBridge
from macaw_cli.model.partitions import gathered

if TYPE_CHECKING:
    from macaw_cli.config.bridges.align import AlignBridgeSettings
    from macaw_cli.model.configuration import MacawConfig


class AlignBridge(NormedBridge):
    """(N, C) -> (N/k, kC) -> Linear to D -> LayerNorm -> Linear to V (-> LayerNorm) -> softmax -> times the matrix.

    Args:
        channels: C.
        hidden_size: D.
        vocabulary: V.
        stride: k.
        logits_norm: whether there is a LayerNorm over V.
        norm: features around their mean, and an output norm calibrated to the embeddings' RMS.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    needs = frozenset({"embedding_matrix"})

    def __init__(
        self, channels: int, hidden_size: int, *, vocabulary: int, stride: int, logits_norm: bool, norm: bool,
        unit: float = 0.02,
    ) -> None:  # fmt: skip
        super().__init__(channels, hidden_size, norm=norm, unit=unit)
        self.stride = stride
        self.projection = nn.Linear(stride * channels, hidden_size)
        self.projection_norm = nn.LayerNorm(hidden_size)
        self.to_vocabulary = nn.Linear(hidden_size, vocabulary, bias=False)
        self.logits_norm = nn.LayerNorm(vocabulary) if logits_norm else None

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`."""
        settings = cast("AlignBridgeSettings", config.bridge_settings(modality))
        return cls(
            config.feature_shapes[modality][-1], config.embedding_size, vocabulary=config.vocabulary_size,
            stride=settings.stride, logits_norm=settings.logits_norm, norm=settings.norm,
            unit=config.initial_embedding_std,
        )  # fmt: skip

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """One per k feature tokens, rounded up; of a video with frames of at least k tokens, per frame."""
        return stacked_count(shape, cast("AlignBridgeSettings", config.bridge_settings(modality)).stride)

    @property
    def reads_head(self) -> bool:
        """True: the layer to the vocabulary starts as the LLM's output layer."""
        return True

    @torch.no_grad()
    def start_from_head(self, head: Tensor) -> None:
        """Copy the LLM's output layer.

        Args:
            head: (V, D).

        Raises:
            UsageError: it has another shape, as in LLMs whose embeddings are narrower than their output layer.
        """
        with gathered(self.to_vocabulary.weight, to_change=True):
            weight = self.to_vocabulary.weight
            if head.shape != weight.shape:
                raise UsageError(
                    f"The LLM's output layer is {tuple(head.shape)}, the bridge `align` needs {tuple(weight.shape)}.",
                    "Choose another bridge for this LLM, such as `bridge: mlp`.",
                )
            weight.copy_(head)

    @staticmethod
    def extra_memory(config: "MacawConfig", modality: Modality, soft_tokens: int, value_bytes: int) -> float:
        """What is kept for each soft token and row of the vocabulary: logits, fp32 softmax and its rounded copy."""
        settings = cast("AlignBridgeSettings", config.bridge_settings(modality))
        normed = value_bytes if settings.logits_norm else 0
        return soft_tokens * config.vocabulary_size * (2 * value_bytes + 4 + normed)

    @staticmethod
    def extra_operations(config: "MacawConfig", modality: Modality, soft_tokens: int) -> float:
        """Operations of the layer to the vocabulary and of the weighted mean."""
        return 4.0 * soft_tokens * config.vocabulary_size * config.embedding_size

    def probabilities(self, media: Sequence[Tensor]) -> Tensor:
        """How much each soft token has of each word: (K, V) in fp32, rows that sum to 1."""
        rows = torch.cat([stacked(medium, self.stride) for medium in media])
        logits = self.to_vocabulary(self.projection_norm(self.projection(rows)))
        if self.logits_norm is not None:
            logits = self.logits_norm(logits)
        shares: Tensor = logits.softmax(dim=-1, dtype=torch.float32)
        return shares

    def soft(self, media: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """Weighted means of the matrix's rows: (K, D)."""
        shares, matrix = self.probabilities(media), context.embedding_matrix
        known = shares[:, : len(matrix)]  # one row where the modality is absent
        return known.to(media[0].dtype) @ matrix.to(media[0].dtype)
