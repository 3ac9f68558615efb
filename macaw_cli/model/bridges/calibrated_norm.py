"""A LayerNorm whose output is as large as the LLM's own word embeddings.

Letters: V rows and D the embedding size of the LLM.
"""

import math

import torch
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.model.partitions import gathered


def root_mean_square(matrix: Tensor) -> float:
    """RMS of the LLM's embedding matrix (V, D), measured in fp32."""
    norm = float(torch.linalg.vector_norm(matrix, dtype=torch.float32))
    return norm / math.sqrt(matrix.numel())


class CalibratedNorm(nn.LayerNorm):
    """LayerNorm over D whose weight starts at the RMS of the LLM's embedding matrix.

    Soft tokens enter the LLM as large as its words then: larger ones would drown what its first layers add to the
    residual stream, smaller ones would be drowned by it.

    Args:
        hidden_size: D.
        unit: the weight until `calibrate` has measured the matrix.
    """

    def __init__(self, hidden_size: int, unit: float) -> None:
        super().__init__(hidden_size)
        self.unit = unit
        nn.init.constant_(self.weight, unit)

    def initialise(self) -> None:
        """The weight starts at `unit`."""
        init.constant_(self.weight, self.unit)
        init.zeros_(self.bias)

    @torch.no_grad()
    def calibrate(self, embedding_matrix: Tensor) -> None:
        """Set the weight to the RMS of a pretrained embedding matrix (V, D); also where ZeRO-3 has split the weight."""
        rms = root_mean_square(embedding_matrix)
        with gathered(self.weight, to_change=True):
            nn.init.constant_(self.weight, rms)
