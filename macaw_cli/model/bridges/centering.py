"""Features around zero: what a bridge reads is the difference from the mean of the training media.

Much of an encoder's output is the same for every medium: 40 % of its power in Whisper tiny.en on single words. Through
a new linear layer this part moves all soft tokens together, and faster than the rest: Adam changes every weight by the
learning rate, so a constant input acts as a bias with a rate as many times higher as the input has channels.
docs/experiments.md has the learning curves.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import initialization as init


class Centering(nn.Module):
    """Subtracts the mean of each channel; zero, which changes nothing, until `measured` sets it.

    Args:
        channels: C.
    """

    feature_mean: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("feature_mean", torch.zeros(channels))

    def initialise(self) -> None:
        """Nothing is subtracted."""
        init.zeros_(self.feature_mean)

    @torch.no_grad()
    def measured(self, mean: Tensor) -> None:
        """Set the mean (C,) of the training media's feature tokens."""
        self.feature_mean.copy_(mean)

    def centered(self, media: Sequence[Tensor]) -> list[Tensor]:
        """Features (..., C) of all media around zero, in their own dtype.

        This is no `forward`: DeepSpeed's ZeRO-3 records each call of a module, also of one without parameters, and
        stops where ranks differ, as they do in their number of media.
        """
        return [medium - self.feature_mean.to(medium) for medium in media]
