"""What bridges with learned queries have in common: as many soft tokens for a sequence, however long it is.

Letters: N feature tokens, F frames, C channels, B sequences, Q queries, K soft tokens of all media, D the LLM's
embedding size.
"""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from torch import Tensor

from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.media_batch import batched
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.normed import NormedBridge

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig


class QueriedBridge(NormedBridge):
    """(N, C) -> (Q, D). A video's frames each make Q soft tokens, or all of them together.

    The settings of a subclass have `tokens`, Q, and `per_frame`. It implements `answers` and `from_config`.

    Args:
        channels: C.
        hidden_size: D.
        per_frame: whether each frame of a video is a sequence of its own.
        norm: whether there are norms, see `NormedBridge`.
        unit: RMS of soft tokens with norms until `calibrate` has measured the embedding matrix.
    """

    def __init__(self, channels: int, hidden_size: int, *, per_frame: bool, norm: bool, unit: float) -> None:
        super().__init__(channels, hidden_size, norm=norm, unit=unit)
        self.per_frame = per_frame

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """Q for an image or audio, and for a video or each of its frames."""
        settings: Any = config.bridge_settings(modality)
        sequences = prod(shape[:-2]) if settings.per_frame else 1
        return int(settings.tokens) * sequences

    def answers(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """What the queries find in each sequence: (B, Q, D).

        Args:
            tokens: (B, longest N, C).
            mask: (B, longest N), true where there is a token; None where all sequences are equally long.
        """
        raise NotImplementedError

    def soft(self, media: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """Soft tokens of all media, computed in one batch: (K, D)."""
        return self.answers(*batched([self.sequences(medium) for medium in media])).flatten(0, 1)

    def sequences(self, medium: Tensor) -> Tensor:
        """What each of the queries' answers is about, of one medium (N, C) or (F, N, C): (sequences, N, C)."""
        return medium if self.per_frame and medium.dim() == 3 else medium.flatten(0, -2)[None]


def sequence_tokens(config: "MacawConfig", modality: Modality) -> int:
    """N: feature tokens that the queries of a `QueriedBridge` read in a sequence of the usual size."""
    settings: Any = config.bridge_settings(modality)
    shape = config.feature_shapes[modality]
    return int(shape[-2] if settings.per_frame else prod(shape[:-1]))
