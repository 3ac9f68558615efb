"""A LayerNorm whose output is as large as the LLM's own word embeddings.

Letters: V rows and D width of the LLM's embedding matrix.
"""

import torch
from torch import Tensor, nn

from macaw_cli.model.partitions import gathered


class CalibratedNorm(nn.LayerNorm):
    """LayerNorm over D whose weight starts at the RMS of the LLM's embedding matrix.

    Soft tokens enter the LLM as large as its words then: larger ones would drown what its first layers add to the
    residual stream, smaller ones would be drowned by it.

    Args:
        width: D.
        unit: the weight until `calibrate` has measured the matrix.
    """

    def __init__(self, width: int, unit: float) -> None:
        super().__init__(width)
        self.unit = unit
        nn.init.constant_(self.weight, unit)

    @torch.no_grad()
    def calibrate(self, embedding_matrix: Tensor) -> None:
        """Set the weight to the RMS of a pretrained embedding matrix (V, D); also where ZeRO-3 has split the weight."""
        rms = float(torch.linalg.vector_norm(embedding_matrix, dtype=torch.float32)) / embedding_matrix.numel() ** 0.5
        with gathered(self.weight, to_change=True):
            nn.init.constant_(self.weight, rms)
