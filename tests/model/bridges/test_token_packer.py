"""`token-packer`: that it computes the closed form of the paper with torch's own attention."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from macaw_cli.basics.errors import UsageError
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.registry import build_bridge, soft_token_count
from macaw_cli.model.bridges.token_packer import TokenPackerBridge

NOTHING = BridgeContext(torch.zeros(1, 1))
C, H, D, LAYERS = 6, 8, 10, 3


class ClosedForm(nn.Module):
    """One grid at a time, one query at a time."""

    def __init__(self, ours):
        super().__init__()
        self.ours = ours
        self.attention = nn.MultiheadAttention(H, ours.heads, batch_first=True)
        heads = (ours.to_query, ours.to_key, ours.to_value)
        self.attention.in_proj_weight.data = torch.cat([one.weight for one in heads]).detach()
        self.attention.in_proj_bias.data = torch.cat([one.bias for one in heads]).detach()
        self.attention.out_proj.load_state_dict(ours.out.state_dict())

    def forward(self, blocks, scale):
        """`blocks`: (layers, h, h, C)."""
        side = blocks.shape[1]
        queries = F.interpolate(blocks[-1].permute(2, 0, 1)[None], scale_factor=1 / scale, mode="bilinear")[0]
        deep = torch.cat(list(blocks), dim=-1)
        soft = []
        for row in range(side // scale):
            for column in range(side // scale):
                region = deep[row * scale : (row + 1) * scale, column * scale : (column + 1) * scale].flatten(0, 1)
                query = self.ours.query(queries[:, row, column])[None, None]
                mixed, _ = self.attention(query, self.ours.key(region)[None], self.ours.value(region)[None])
                soft.append(self.ours.projection(mixed[0, 0]))
        return torch.stack(soft)


@pytest.mark.parametrize(("side", "scale"), [(4, 2), (6, 3)])
def test_without_norms_it_is_the_closed_form(side, scale):
    torch.manual_seed(0)
    ours = TokenPackerBridge(C, D, scale=scale, layers=LAYERS, hidden=H, heads=2, square=True, norm=False)
    closed = ClosedForm(ours)
    blocks = torch.randn(2, LAYERS, side, side, C)
    mine, theirs = blocks.clone().requires_grad_(), blocks.clone().requires_grad_()
    shared = [*ours.query.parameters(), *ours.key.parameters(), *ours.value.parameters(), *ours.projection.parameters()]
    soft = ours(list(mine.flatten(1, 3)), NOTHING)
    direction = torch.randn_like(soft)
    soft.backward(direction)
    gradients = [one.grad.clone() for one in shared]
    for one in shared:
        one.grad = None
    expected = torch.cat([closed(image, scale) for image in theirs])
    expected.backward(direction)
    torch.testing.assert_close(soft, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-5, atol=1e-6)
    for one, gradient in zip(shared, gradients, strict=True):
        torch.testing.assert_close(gradient, one.grad, rtol=1e-4, atol=1e-6)
    heads = torch.cat([one.weight.grad for one in (ours.to_query, ours.to_key, ours.to_value)])
    torch.testing.assert_close(heads, closed.attention.in_proj_weight.grad, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(ours.out.weight.grad, closed.attention.out_proj.weight.grad, rtol=1e-4, atol=1e-6)


def test_a_region_at_the_border_looks_at_the_tokens_that_are_there():
    torch.manual_seed(0)
    ours = TokenPackerBridge(C, D, scale=2, layers=1, hidden=H, heads=2, square=True, norm=False)
    image = torch.randn(3, 3, C)
    corner = image.clone()
    corner[2, 2] = 100.0
    full, changed = (ours([one.flatten(0, 1)], NOTHING) for one in (image, corner))
    assert torch.equal(full[0], changed[0])
    assert not torch.allclose(full[3], changed[3])
    value = ours.to_value(ours.value(image[2, 2]))
    torch.testing.assert_close(full[3], ours.projection(ours.out(value)), rtol=1e-5, atol=1e-6)


def test_several_layers_are_asked_for_and_others_are_told(tiny):
    config = tiny.config("token-packer", shapes={"image": (27, 16)}, layers=3)
    assert soft_token_count(config, "image", (27, 16)) == 4
    with pytest.raises(UsageError, match="3 layers"):
        soft_token_count(config, "image", (16, 16))
    with pytest.raises(UsageError, match="cls: drop"):
        soft_token_count(config, "image", (30, 16))


def test_heads_that_do_not_divide_the_hidden_size_are_told(tiny):
    with pytest.raises(UsageError, match=r"16.*3 heads"):
        build_bridge(tiny.config("token-packer", shapes={"image": (9, 16)}, heads=3), "image")


def test_features_of_other_layers_are_refused_though_their_tokens_can_be_divided(tiny):
    config = tiny.config("token-packer", shapes={"image": (36, 16)}, layers=4)
    config.fingerprints = {"image": {"layer": -1}}
    with pytest.raises(UsageError, match=r"bridge\.layers"):
        build_bridge(config, "image")
    config.fingerprints = {"image": {"layer": [3, 6, 9, 12]}}
    assert build_bridge(config, "image").layers == 4
