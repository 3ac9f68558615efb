"""`token-packer`: a coarse grid of queries, each attending to its own region of the fine grid.

Source: TokenPacker (arXiv 2407.02392, section 3.2) and its published code. With `norm: false` it computes the same.
Regions at the right and the lower border of a grid that s does not divide hold fewer tokens; the original has none.
Weights start as torch's layers do, where the original draws them with a standard deviation of 0.02.

Letters: T feature tokens of all frames, n layers of the encoder, C channels, H hidden size, s scale, K soft tokens,
D the LLM's embedding size.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, cast

import torch.nn.functional as F
from torch import Tensor, nn

from macaw_cli.basics.errors import UsageError
from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.grid import Size, is_square, per_size, side_by_side, window_grid, windows
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.grid import WindowBridge, feature_tokens, window_count

if TYPE_CHECKING:
    from macaw_cli.config.bridges.token_packer import TokenPackerBridgeSettings
    from macaw_cli.model.configuration import MacawConfig


class TokenPackerBridge(WindowBridge):
    """Queries: last layer -> bilinear to 1/s -> Linear -> LN; keys, values: n layers (nC) -> MLP -> LN; attention; MLP.

    Args:
        channels: C.
        hidden_size: D.
        scale: s.
        layers: n.
        hidden: H.
        heads: of the attention; they divide H.
        square: whether the grids are square.
        norm: LayerNorm behind the layers, calibrated to the embeddings' RMS.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    def __init__(  # noqa: PLR0913 - sizes are keywords
        self, channels: int, hidden_size: int, *,
        scale: int, layers: int, hidden: int, heads: int, square: bool, norm: bool, unit: float = 0.02,
    ) -> None:  # fmt: skip
        super().__init__(channels, hidden_size, scale=scale, square=square, norm=norm, unit=unit)
        self.layers, self.heads = layers, heads
        self.query = nn.Sequential(nn.Linear(channels, hidden, bias=False), nn.LayerNorm(hidden, eps=1e-6))
        self.key, self.value = (
            nn.Sequential(*_mlp(layers * channels, hidden), nn.LayerNorm(hidden, eps=1e-6)) for _ in range(2)
        )
        self.to_query, self.to_key, self.to_value, self.out = (nn.Linear(hidden, hidden) for _ in range(4))
        self.projection = nn.Sequential(*_mlp(hidden, hidden_size))

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`.

        Raises:
            UsageError: the heads do not divide the hidden size.
        """
        settings = cast("TokenPackerBridgeSettings", config.bridge_settings(modality))
        channels = config.feature_shapes[modality][-1]
        hidden = settings.hidden or channels
        heads = settings.heads or next(some for some in range(max(1, hidden // 128), 0, -1) if hidden % some == 0)
        if hidden % heads:
            raise UsageError(
                f"The hidden size of token-packer, {hidden}, is not a multiple of its {heads} heads (bridge.heads).",
                f"Set bridge.heads to a divisor of {hidden}.",
            )
        return cls(
            channels, config.embedding_size, scale=settings.scale, layers=settings.layers, hidden=hidden, heads=heads,
            square=is_square(modality), norm=settings.norm, unit=config.initial_embedding_std,
        )  # fmt: skip

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """One per region, those at the right and lower borders included; of a video, per frame.

        Raises:
            UsageError: the tokens do not make so many layers, or those of an image no square.
        """
        settings = cast("TokenPackerBridgeSettings", config.bridge_settings(modality))
        return window_count(config, modality, shape, settings.layers)

    @staticmethod
    def layers_read(config: "MacawConfig", modality: Modality) -> tuple[int | None, str]:
        """As the settings say."""
        return cast("TokenPackerBridgeSettings", config.bridge_settings(modality)).layers, "bridge.layers"

    def smallest_input(self) -> tuple[int, int]:
        """(n, C): one token of each layer."""
        return self.layers, self.channels

    @staticmethod
    def extra_memory(config: "MacawConfig", modality: Modality, soft_tokens: int, value_bytes: int) -> float:
        """What the layers of keys and values make of each place of the fine grid."""
        settings = cast("TokenPackerBridgeSettings", config.bridge_settings(modality))
        places, hidden = _places(config, modality, soft_tokens)
        return places * (settings.layers * config.feature_shapes[modality][-1] + 14 * hidden) * value_bytes

    @staticmethod
    def extra_operations(config: "MacawConfig", modality: Modality, soft_tokens: int) -> float:
        """The layers of keys and values."""
        settings = cast("TokenPackerBridgeSettings", config.bridge_settings(modality))
        places, hidden = _places(config, modality, soft_tokens)
        row = settings.layers * config.feature_shapes[modality][-1]
        return 4 * places * hidden * (row + 2 * hidden)

    def soft(self, media: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """The layers of each medium, (nN, C) or (F, nN, C), side by side, then the design: (K, D)."""
        return self.from_grids(*side_by_side([self._merged(medium) for medium in media], square=self.square))

    def from_grids(self, tokens: Tensor, sizes: Sequence[Size]) -> Tensor:
        """(T, nC) -> (K, D)."""
        coarse = per_size(tokens[:, -self.channels :], sizes, self._coarse)
        query, key, value = self.to_query(self.query(coarse)), self.key(tokens), self.value(tokens)
        regions = [per_size(one, sizes, self._regions) for one in (self.to_key(key), self.to_value(value))]
        query, key, value = (self._by_head(one) for one in (query[:, None], *regions))
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=self._mask(tokens, sizes))
        projected: Tensor = self.projection(self.out(attended.transpose(1, 2).flatten(1)))
        return projected

    def _merged(self, medium: Tensor) -> Tensor:
        """(..., nN, C) -> (..., N, nC)."""
        blocks = medium.unflatten(-2, (self.layers, -1))  # type: ignore[no-untyped-call]
        merged: Tensor = blocks.transpose(-3, -2).flatten(-2)
        return merged

    def _coarse(self, frames: Tensor) -> Tensor:
        """(B, h, w, C) -> (B, queries, C), bilinearly."""
        size = window_grid((frames.shape[1], frames.shape[2]), self.window)
        return F.interpolate(frames.permute(0, 3, 1, 2), size=size, mode="bilinear").flatten(2).transpose(1, 2)

    def _regions(self, frames: Tensor) -> Tensor:
        return windows(frames, self.window)

    def _by_head(self, tokens: Tensor) -> Tensor:
        """(K, tokens, H) -> (K, heads, tokens, H / heads)."""
        return tokens.view(*tokens.shape[:2], self.heads, -1).transpose(1, 2)

    def _mask(self, tokens: Tensor, sizes: Sequence[Size]) -> Tensor | None:
        """(K, 1, 1, s²), true where a region holds a token; None where all regions are full."""
        if all(h % self.window[0] == w % self.window[1] == 0 for h, w in sizes):
            return None
        return per_size(tokens.new_ones(tokens.shape[0], 1), sizes, self._regions).bool().squeeze(-1)[:, None, None]


def _mlp(size: int, hidden: int) -> list[nn.Module]:
    return [nn.Linear(size, hidden), nn.GELU(), nn.Linear(hidden, hidden)]


def _places(config: "MacawConfig", modality: Modality, soft_tokens: int) -> tuple[float, int]:
    """Places of the fine grids behind so many soft tokens, and H."""
    settings = cast("TokenPackerBridgeSettings", config.bridge_settings(modality))
    hidden = settings.hidden or config.feature_shapes[modality][-1]
    return feature_tokens(config, modality, soft_tokens) / settings.layers, hidden
