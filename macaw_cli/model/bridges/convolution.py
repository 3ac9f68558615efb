"""A strided convolution over tokens as one matrix product: its windows overlap little, so nothing is computed twice."""

import torch.nn.functional as F
from torch import Tensor, nn


class WindowConvolution(nn.Conv1d):
    """`torch.nn.Conv1d` with channels last, several times faster for windows as wide as a bridge's on a CPU.

    Weights have the same names and shapes, (channels out, channels in, kernel).
    """

    def forward(self, tokens: Tensor) -> Tensor:
        """Windows of `tokens` (B, N, C): (B, K, channels out)."""
        windows = tokens.unfold(1, self.kernel_size[0], self.stride[0])
        return F.linear(windows.flatten(2), self.weight.flatten(1), self.bias)
