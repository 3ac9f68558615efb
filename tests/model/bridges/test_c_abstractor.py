"""`c-abstractor`: that it computes Honeybee's closed form, written with torch's functions."""

import pytest
import torch
import torch.nn.functional as F

from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.c_abstractor import CAbstractorBridge

NOTHING = BridgeContext(torch.zeros(1, 1))
C, D = 8, 10


def channel_norm(images, weights, name):
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return F.layer_norm(images.movedim(1, -1), weight.shape, weight, bias).movedim(-1, 1)


def point(images, weights, name):
    """A convolution with a kernel of 1."""
    return F.conv2d(images, weights[f"{name}.weight"][..., None, None], weights.get(f"{name}.bias"))


def regnet_block(images, weights, name):
    seen = F.silu(channel_norm(point(images, weights, name + "conv1"), weights, name + "norm1"))
    kernel = weights[name + "conv2.weight"]
    seen = F.conv2d(seen, kernel, padding=1, groups=len(kernel))
    seen = F.silu(channel_norm(seen, weights, name + "norm2"))
    squeezed = F.silu(point(seen.mean((2, 3), keepdim=True), weights, name + "excitation.fc1"))
    seen = seen * torch.sigmoid(point(squeezed, weights, name + "excitation.fc2"))
    seen = channel_norm(point(seen, weights, name + "conv3"), weights, name + "norm3")
    if name + "shortcut.0.weight" in weights:
        images = channel_norm(point(images, weights, name + "shortcut.0"), weights, name + "shortcut.1")
    return F.silu(seen + images)


def closed_form(images, weights, depth, pooled):
    side = weights["positions"].shape[0]
    seen = (images.view(-1, side, side, C) + weights["positions"]).permute(0, 3, 1, 2)
    for block in range(depth):
        seen = regnet_block(seen, weights, f"before.{block}.")
    seen = F.adaptive_avg_pool2d(seen, pooled)
    for block in range(depth):
        seen = regnet_block(seen, weights, f"behind.{block}.")
    tokens = F.silu(F.linear(seen.flatten(2).mT, weights["readout.0.weight"], weights["readout.0.bias"]))
    return F.linear(tokens, weights["readout.2.weight"], weights["readout.2.bias"])


@pytest.mark.parametrize(("side", "pooled", "depth", "hidden"), [(4, 2, 1, 8), (5, 3, 2, 12)])
def test_without_norms_it_is_the_closed_form(side, pooled, depth, hidden):
    torch.manual_seed(0)
    sizes = {"grid": (side, side), "pooled": (pooled, pooled), "depth": depth, "layers": 2, "hidden": hidden}
    ours = CAbstractorBridge(C, D, **sizes, square=True, norm=False)
    ours.positions.data.normal_()
    weights = {name: one.detach().clone().requires_grad_() for name, one in ours.named_parameters()}
    mine = torch.randn(3, side * side, C).requires_grad_()
    theirs = mine.detach().clone().requires_grad_()
    soft, expected = ours(list(mine), NOTHING), closed_form(theirs, weights, depth, pooled).flatten(0, 1)
    torch.testing.assert_close(soft, expected, rtol=1e-5, atol=1e-5)
    direction = torch.randn_like(soft)
    soft.backward(direction)
    expected.backward(direction)
    torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-4, atol=1e-5)
    for name, one in ours.named_parameters():
        torch.testing.assert_close(one.grad, weights[name].grad, rtol=1e-4, atol=2e-5)


def test_a_grid_of_another_size_gets_the_positions_in_between():
    sizes = {"grid": (3, 3), "pooled": (2, 2), "depth": 1, "layers": 1, "hidden": C}
    ours = CAbstractorBridge(C, D, **sizes, square=True, norm=False)
    ours.positions.data = torch.arange(3.0)[None, :, None].expand(3, 3, C).clone()
    placed = ours._placed(torch.zeros(1, 6, 6, C))
    expected = F.interpolate(torch.arange(3.0)[None, None], size=6, mode="linear")[0, 0]
    torch.testing.assert_close(placed.view(6, 6, C)[2, :, 0], expected)


def test_positions_start_as_small_as_published(tiny):
    model = tiny.model("c-abstractor", shapes={"image": (400, 16)})
    assert model.fusion.bridges["image"].positions.std().item() == pytest.approx(0.02, rel=0.05)
