"""RMSNorm with an initial weight of its own."""

from torch import nn
from transformers import initialization as init


class RMSNorm(nn.RMSNorm):
    """`torch.nn.RMSNorm` whose weight starts at `start`; transformers initialises it again where no file holds it.

    Args:
        size: of the last dimension.
        eps: added to the mean square.
        start: the initial weight.
    """

    def __init__(self, size: int, *, eps: float = 1e-6, start: float = 1.0) -> None:
        super().__init__(size, eps=eps)
        self.start = start
        nn.init.constant_(self.weight, start)

    def initialise(self) -> None:
        """The weight starts at `start`."""
        init.constant_(self.weight, self.start)
