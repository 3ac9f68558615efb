"""Layers that see a token's neighbours, on grids of any sizes in one batch, channels last.

Frames smaller than the largest are followed by zeros. A convolution sees zeros beyond the border of a grid anyway, so
that what stands there is set to zero before each, and means leave it out: every frame comes out as it does alone, while
each layer runs once for all of them. Under ZeRO-3 all ranks have to make the same calls, whatever their media are, and
with as many tensors in and out. DeepSpeed hooks each one; `outside`, see `GridBatch`, is a keyword, which it ignores.

Letters: B frames, h x w the largest grid, C channels.
"""

from torch import Tensor, nn


class DepthwiseConvolution(nn.Conv2d):
    """3 x 3 on square grids, 3 on rows; each channel on its own, zeros around each frame.

    Args:
        channels: C.
        square: whether the grids are square.
        stride: tokens from one place to the next, in both directions or along the row.
        bias: whether there is one.
    """

    def __init__(self, channels: int, *, square: bool, stride: int = 1, bias: bool = False) -> None:
        kernel, padding, stride_of = ((3, 3), (1, 1), (stride, stride)) if square else ((1, 3), (0, 1), (1, stride))
        super().__init__(channels, channels, kernel, stride_of, padding, groups=channels, bias=bias)

    def forward(self, values: Tensor, *, outside: Tensor | None = None) -> Tensor:
        """(B, h, w, C) -> the same, or ⌈h / stride⌉ and ⌈w / stride⌉."""
        inside = values if outside is None else values.masked_fill(outside, 0.0)
        return super().forward(inside.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    def still_outside(self, outside: Tensor | None) -> Tensor | None:
        """Which places of the result belong to no frame."""
        return None if outside is None else outside[:, :: self.stride[0], :: self.stride[1]]


class SqueezeExcitation(nn.Module):
    """Each channel of a frame times a number in [0, 1] that follows from the means of all its channels.

    Args:
        channels: C.
        squeezed: size between the two layers.
        activation: between them.
        gate: of the numbers.
    """

    def __init__(self, channels: int, squeezed: int, *, activation: nn.Module, gate: nn.Module) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(channels, squeezed), nn.Linear(squeezed, channels)
        self.activation, self.gate = activation, gate

    def forward(self, values: Tensor, *, outside: Tensor | None = None) -> Tensor:
        """(B, h, w, C) -> the same."""
        scale: Tensor = self.gate(self.fc2(self.activation(self.fc1(grid_mean(values, outside)))))
        return values * scale[:, None, None]


def grid_mean(values: Tensor, outside: Tensor | None) -> Tensor:
    """The mean (B, C) over each frame's own tokens."""
    if outside is None:
        return values.mean(dim=(1, 2))
    total = values.masked_fill(outside, 0.0).sum(dim=(1, 2))
    return total / (~outside).sum(dim=(1, 2))
