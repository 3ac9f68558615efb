"""`patch` against PatchTST's own layers, and its options."""

import pytest
import torch
from same_computation import NOTHING, require_same
from torch import nn
from transformers import PatchTSTConfig
from transformers.models.patchtst.modeling_patchtst import (
    PatchTSTEmbedding,
    PatchTSTPatchify,
    PatchTSTPositionalEncoding,
    PatchTSTStdScaler,
)

from macaw_cli.model.bridges.registry import build_bridge, soft_token_count

PUBLISHED = {"norm": False, "statistics": False, "padding": "front"}


class Published(nn.Module):
    """Scaling, patches, embedding and learned positions of PatchTST, whose scaling has no weights."""

    def __init__(self, steps, channels, hidden_size):
        super().__init__()
        config = PatchTSTConfig(
            context_length=steps, num_input_channels=channels, patch_length=16, patch_stride=8, d_model=hidden_size,
            positional_encoding_type="random", positional_dropout=0.0, use_cls_token=False,
        )  # fmt: skip
        self.scaler, self.patchify = PatchTSTStdScaler(config), PatchTSTPatchify(config)
        self.embedding = PatchTSTEmbedding(config)
        self.encoding = PatchTSTPositionalEncoding(config, self.patchify.num_patches)
        self.scale, self.shift = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, series):
        scaled = self.scaler(series[None], torch.ones(1, *series.shape, dtype=torch.bool))[0]
        embedded = self.embedding(self.patchify(scaled * self.scale + self.shift))
        return self.encoding(embedded)[0].flatten(0, 1)


SAME = {
    "projection.weight": "embedding.input_embedding.weight", "projection.bias": "embedding.input_embedding.bias",
    "positions": "encoding.position_enc", "scale": "scale", "shift": "shift",
}  # fmt: skip


def test_patchtst_computes_the_same(tiny):
    config = tiny.config("patch", shapes={"audio": (53, 3)}, **PUBLISHED)
    ours, theirs = build_bridge(config, "audio"), Published(53, 3, 32)
    assert soft_token_count(config, "audio", (53, 3)) == 3 * 5
    require_same(ours, theirs, [torch.randn(53, 3) * 5 + 2], SAME)


@pytest.mark.parametrize(
    ("channels", "shape", "count"),
    [("auto", (512, 2), 2 * 65), ("auto", (100, 9), 13), ("mixed", (100, 2), 13), ("independent", (100, 9), 9 * 13)],
)
def test_channels_are_patched_one_by_one_where_they_are_few(tiny, channels, shape, count):
    config = tiny.config("patch", channels=channels, shapes={"audio": shape})
    assert soft_token_count(config, "audio", shape) == count
    assert build_bridge(config, "audio")([torch.randn(shape)], NOTHING).shape == (count, 32)


def test_only_the_statistics_tell_a_series_from_a_larger_one(tiny):
    config = tiny.config("patch", shapes={"audio": (40, 2)}, norm=False)
    bridge, series = build_bridge(config, "audio"), torch.randn(40, 2)
    one, other = (bridge([medium], NOTHING).view(2, -1, 32) for medium in (series, series * 3 + 5))
    torch.testing.assert_close(one[:, 1:], other[:, 1:], rtol=1e-3, atol=1e-4)
    assert (one[:, 0] - other[:, 0]).abs().max() > 0.1


def test_positions_of_a_longer_series_are_spread(tiny):
    config = tiny.config("patch", shapes={"audio": (40, 2)}, **PUBLISHED)
    bridge = build_bridge(config, "audio")
    assert len(bridge.positions) == 4
    longer = bridge._positions(7)
    torch.testing.assert_close(longer[::2], bridge.positions)
    assert torch.equal(bridge._positions(2), bridge.positions[:2])
