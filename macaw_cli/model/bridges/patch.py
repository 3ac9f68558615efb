"""`patch`: overlapping patches of a series, normalised on its own, through one linear layer.

Sources: PatchTST (arXiv 2211.14730, section 3.1), `PatchTSTPatchify` and `PatchTSTEmbedding` of transformers, and
One Fits All / GPT4TS (arXiv 2302.11939, section 3). Made for series of numbers, (T, C) with few channels. Features of
an encoder pass as series with many channels, which one patch holds together. Positions of media that are longer than
usual are interpolated. The token of statistics is macaw's own.

Letters: T steps, C channels, n patches of a series, P steps per patch, S steps from one patch to the next, K soft
tokens of all media, D the LLM's embedding size.
"""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.config.bridges.patch import NARROW
from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.patches import instance_normed, patch_count, patches
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.normed import NormedBridge

if TYPE_CHECKING:
    from macaw_cli.config.bridges.patch import PatchBridgeSettings
    from macaw_cli.model.configuration import MacawConfig

POSITION_STD = 0.02


class PatchBridge(NormedBridge):
    """(T, C) -> instance norm -> (C n, P) or (n, C P) -> Linear + positions -> (C n, D) or (n, D).

    Frames of a video follow each other as one series. With independent channels, the patches of the first channel come
    first. Statistics are one token before each series' patches.

    Args:
        channels: C.
        hidden_size: D.
        length: P.
        stride: S.
        at_end: pad the end by S repeated steps; else leave out what is too much at the front.
        mixed: a patch holds all channels.
        positions: n of a medium of the usual length.
        instance_norm: normalise each medium.
        statistics: whether there is a token for what was taken away.
        norm: features around their mean, and an output norm calibrated to the embeddings' RMS.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    def __init__(  # noqa: PLR0913 - sizes are keywords
        self, channels: int, hidden_size: int, *, length: int, stride: int, at_end: bool, mixed: bool, positions: int,
        instance_norm: bool, statistics: bool, norm: bool, unit: float = 0.02,
    ) -> None:  # fmt: skip
        super().__init__(channels, hidden_size, norm=norm, unit=unit)
        self.length, self.stride, self.at_end, self.mixed = length, stride, at_end, mixed
        together = channels if mixed else 1
        self.projection = nn.Linear(length * together, hidden_size)
        self.statistics = nn.Linear(2 * together, hidden_size) if statistics else None
        self.positions = nn.Parameter(torch.randn(positions, hidden_size) * POSITION_STD)
        self.scale = nn.Parameter(torch.ones(channels)) if instance_norm else None
        self.shift = nn.Parameter(torch.zeros(channels)) if instance_norm else None

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`."""
        settings = cast("PatchBridgeSettings", config.bridge_settings(modality))
        *tokens, channels = config.feature_shapes[modality]
        at_end = settings.padding == "end"
        return cls(
            channels, config.embedding_size, length=settings.length, stride=settings.stride, at_end=at_end,
            mixed=_mixed(settings, channels), instance_norm=settings.instance_norm, statistics=settings.statistics,
            positions=patch_count(prod(tokens), settings.length, settings.stride, at_end=at_end), norm=settings.norm,
            unit=config.initial_embedding_std,
        )  # fmt: skip

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """One per patch and one for the statistics, for each channel on its own or for all."""
        settings = cast("PatchBridgeSettings", config.bridge_settings(modality))
        count = patch_count(prod(shape[:-1]), settings.length, settings.stride, at_end=settings.padding == "end")
        return (count + settings.statistics) * (1 if _mixed(settings, shape[-1]) else shape[-1])

    def initialise(self) -> None:
        """Small random positions; the instance norm changes nothing more."""
        init.normal_(self.positions, std=POSITION_STD)
        if self.scale is not None:
            init.ones_(self.scale)
            init.zeros_(self.shift)

    def soft(self, media: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """Patches and statistics of all media, each through its linear layer once: (K, D)."""
        series = [medium.flatten(0, -2) for medium in media]
        places: dict[int, list[int]] = {}
        for place, one in enumerate(series):
            places.setdefault(len(one), []).append(place)
        prepared = [self._prepared(torch.stack([series[place] for place in same])) for same in places.values()]
        patched = self._projected(self.projection, [cut for cut, _ in prepared])
        placed = [one + self._positions(one.shape[2]) for one in patched]
        if self.statistics is not None:
            first = self._projected(self.statistics, [statistics for _, statistics in prepared])
            placed = [torch.cat(pair, dim=2) for pair in zip(first, placed, strict=True)]
        made: dict[int, Tensor] = {}
        for same, soft in zip(places.values(), placed, strict=True):
            made.update(zip(same, soft.flatten(1, 2), strict=True))
        return torch.cat([made[place] for place in range(len(series))])

    @staticmethod
    def _projected(layer: nn.Module, rows: Sequence[Tensor]) -> list[Tensor]:
        """The layer once for all rows (B, s, n, ...): (B, s, n, D) each."""
        projected = layer(torch.cat([one.flatten(0, 2) for one in rows]))
        parts = projected.split([one.shape[:3].numel() for one in rows])
        return [part.view(*one.shape[:3], -1) for part, one in zip(parts, rows, strict=True)]

    def _prepared(self, series: Tensor) -> tuple[Tensor, Tensor]:
        """Of media of one length, (B, T, C): the patches (B, s, n, P or CP) and the statistics (B, s, 1, 2 or 2C).

        s is C, or 1 where a patch holds all channels.
        """
        normed, mean, scale = instance_normed(series)
        if self.scale is not None and self.shift is not None:
            series = normed * self.scale + self.shift
        cut = patches(series, self.length, self.stride, at_end=self.at_end)
        statistics = torch.stack([mean, scale.log()], dim=-1).to(series)
        if self.mixed:
            return cut.flatten(2)[:, None], statistics.flatten(1)[:, None, None]
        return cut.transpose(1, 2), statistics[:, :, None]

    def _positions(self, count: int) -> Tensor:
        """(count, D): the first ones, or all of them spread over a longer medium."""
        if count <= len(self.positions):
            return self.positions[:count]
        table = self.positions.T[None]
        return F.interpolate(table, size=count, mode="linear", align_corners=True)[0].T


def _mixed(settings: "PatchBridgeSettings", channels: int) -> bool:
    """Whether a patch holds all channels."""
    return settings.channels == "mixed" or (settings.channels == "auto" and channels > NARROW)
