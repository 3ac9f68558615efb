"""`ultravox`: consecutive feature tokens side by side, then a gated MLP with RMSNorm.

Source: `UltravoxProjector` of Ultravox's code, versions 0.4.1 (`norm_position: end`) and 0.5 (`middle`). Parameters
have its names, except `ln_post`, which is `output_norm` here. As published with `norm: false` and `hidden: 4096`; by
default features are centered, and soft tokens as large as the LLM's words.

Letters: N feature tokens, C channels, k stride, H hidden size, K soft tokens of all media, D the LLM's embedding size.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.norms import RMSNorm
from macaw_cli.model.blocks.stacking import stacked, stacked_count
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.normed import NormedBridge
from macaw_cli.model.bridges.stock_loaders import StockLoader

if TYPE_CHECKING:
    from macaw_cli.config.bridges.ultravox import UltravoxBridgeSettings
    from macaw_cli.model.configuration import MacawConfig

START = 0.4
"""The weight that the published norms start with."""


class UltravoxBridge(NormedBridge):
    """(N, C) -> (N/k, kC) -> RMSNorm -> Linear to H -> `a * silu(b)` of its halves -> RMSNorm -> Linear to D.

    Args:
        channels: C.
        hidden_size: D.
        stride: k.
        hidden: H, even.
        norm_in_middle: the second RMSNorm stands before the last linear layer; else it is the output norm.
        norm: features around their mean, and an output norm calibrated to the embeddings' RMS.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    stock_loaders = (
        StockLoader("UltravoxModel", "audio", ("WhisperEncoder",), {"norm": False}, own_length=True),
        StockLoader("llama.cpp ultravox", "audio", ("WhisperEncoder",), {"norm": False, "norm_position": "middle"}),
    )

    def __init__(
        self, channels: int, hidden_size: int, *, stride: int, hidden: int, norm_in_middle: bool, norm: bool,
        unit: float = 0.02,
    ) -> None:  # fmt: skip
        own_norm = None if norm_in_middle else RMSNorm(hidden_size, start=START)
        super().__init__(channels, hidden_size, norm=norm, unit=unit, own_norm=own_norm)
        self.stride = stride
        self.ln_pre = RMSNorm(stride * channels, start=START)
        self.linear_1 = nn.Linear(stride * channels, hidden, bias=False)
        self.ln_mid = RMSNorm(hidden // 2, start=START) if norm_in_middle else None
        self.linear_2 = nn.Linear(hidden // 2, hidden_size, bias=False)

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`."""
        settings = cast("UltravoxBridgeSettings", config.bridge_settings(modality))
        return cls(
            config.feature_shapes[modality][-1], config.embedding_size, stride=settings.stride,
            hidden=settings.hidden or 2 * config.embedding_size, norm_in_middle=settings.norm_position == "middle",
            norm=settings.norm, unit=config.initial_embedding_std,
        )  # fmt: skip

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """One per k feature tokens, rounded up; of a video with frames of at least k tokens, per frame."""
        return stacked_count(shape, cast("UltravoxBridgeSettings", config.bridge_settings(modality)).stride)

    def soft(self, media: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """The gated MLP on the rows of all media at once: (K, D)."""
        rows = torch.cat([stacked(medium, self.stride) for medium in media])
        kept, gate = self.linear_1(self.ln_pre(rows)).chunk(2, dim=-1)
        hidden = kept * F.silu(gate)
        projected: Tensor = self.linear_2(hidden if self.ln_mid is None else self.ln_mid(hidden))
        return projected
