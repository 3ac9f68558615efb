"""`ultravox` against the published projector written in torch's own modules, in both of its versions."""

import pytest
import torch
import torch.nn.functional as F
from same_computation import require_same
from torch import nn

from macaw_cli.model.bridges.registry import build_bridge, soft_token_count

STRIDE, HIDDEN = 3, 10


class Published(nn.Module):
    """Ultravox's projector; version 0.4.1 has its last norm at the end, 0.5 in the middle."""

    def __init__(self, channels, hidden_size, *, middle):
        super().__init__()
        self.ln_pre = nn.RMSNorm(STRIDE * channels, eps=1e-6)
        self.linear_1 = nn.Linear(STRIDE * channels, HIDDEN, bias=False)
        self.ln_mid = nn.RMSNorm(HIDDEN // 2, eps=1e-6) if middle else nn.Identity()
        self.linear_2 = nn.Linear(HIDDEN // 2, hidden_size, bias=False)
        self.ln_post = nn.Identity() if middle else nn.RMSNorm(hidden_size, eps=1e-6)

    def forward(self, features):
        features = F.pad(features, (0, 0, 0, -len(features) % STRIDE)).reshape(-1, self.ln_pre.weight.numel())
        kept, gate = self.linear_1(self.ln_pre(features)).chunk(2, dim=-1)
        return self.ln_post(self.linear_2(self.ln_mid(gate * gate.sigmoid() * kept)))


@pytest.mark.parametrize("position", ["middle", "end"])
def test_the_published_projector_computes_the_same(tiny, position):
    config = tiny.config("ultravox", stride=STRIDE, hidden=HIDDEN, norm=False, norm_position=position)
    ours, theirs = build_bridge(config, "audio"), Published(12, 32, middle=position == "middle")
    same = {name: name.replace("output_norm", "ln_post") for name, _ in ours.named_parameters()}
    require_same(ours, theirs, [torch.randn(20, 12)], same)


def test_norms_start_as_published_and_the_last_one_may_be_calibrated(tiny):
    published = build_bridge(tiny.config("ultravox", norm=False, norm_position="end"), "audio")
    assert torch.all(published.ln_pre.weight == 0.4) and torch.all(published.output_norm.weight == 0.4)
    published.calibrate(torch.full((5, 32), 7.0))
    assert torch.all(published.output_norm.weight == 0.4)
    fitted = build_bridge(tiny.config("ultravox", norm_position="end"), "audio")
    fitted.calibrate(torch.full((5, 32), 7.0))
    assert torch.all(fitted.output_norm.weight == 7.0)


def test_the_default_stacks_eight_frames(tiny):
    assert soft_token_count(tiny.config("ultravox"), "audio", (1500, 12)) == 188
