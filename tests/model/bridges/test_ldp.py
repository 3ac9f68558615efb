"""`ldp`: that it computes the closed forms of MobileVLM, written with torch's functions."""

import pytest
import torch
import torch.nn.functional as F

from macaw_cli.basics.errors import UsageError
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.ldp import LdpBridge
from macaw_cli.model.bridges.registry import build_bridge, soft_token_count

NOTHING = BridgeContext(torch.zeros(1, 1))
C, D = 6, 16


def mlp(images, weights):
    tokens = F.gelu(F.linear(images, weights["linear_1.weight"], weights["linear_1.bias"]))
    return F.linear(tokens, weights["linear_2.weight"], weights["linear_2.bias"])


def as_images(tokens):
    side = int(tokens.shape[1] ** 0.5)
    return tokens.transpose(1, 2).reshape(len(tokens), -1, side, side)


def channel_norm(images, weights, name):
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return F.layer_norm(images.movedim(1, -1), weight.shape, weight, bias).movedim(-1, 1)


def point(images, weights, name):
    """A convolution with a kernel of 1."""
    return F.conv2d(images, weights[f"{name}.weight"][..., None, None], weights.get(f"{name}.bias"))


def inverted_residual(images, weights, block, stride):
    name = f"blocks.{block}."
    seen = F.conv2d(images, weights[name + "depthwise.weight"], stride=stride, padding=1, groups=D)
    seen = F.hardswish(channel_norm(seen, weights, name + "norm"))
    squeezed = F.relu(point(F.adaptive_avg_pool2d(seen, 1), weights, name + "excitation.fc1"))
    seen = seen * F.hardsigmoid(point(squeezed, weights, name + "excitation.fc2"))
    made = channel_norm(point(seen, weights, name + "project"), weights, name + "project_norm")
    return images + made if stride == 1 else made


def first(images, weights):
    seen = inverted_residual(as_images(mlp(images, weights)), weights, 0, 1)
    return inverted_residual(seen, weights, 1, 2).flatten(2).transpose(1, 2)


def second(images, weights):
    pooled = F.adaptive_avg_pool2d(as_images(mlp(images, weights)), (3, 3))
    placed = F.conv2d(pooled, weights["places.weight"], weights["places.bias"], padding=1, groups=D)
    return (pooled + placed).flatten(2).transpose(1, 2)


@pytest.mark.parametrize("side", [5, 6])
@pytest.mark.parametrize(("pooled", "closed_form"), [(None, first), ((3, 3), second)])
def test_without_norms_it_is_the_closed_form(pooled, closed_form, side):
    torch.manual_seed(0)
    ours = LdpBridge(C, D, pooled=pooled, square=True, norm=False)
    weights = {name: one.detach().clone().requires_grad_() for name, one in ours.named_parameters()}
    mine = torch.randn(3, side * side, C).requires_grad_()
    theirs = mine.detach().clone().requires_grad_()
    soft, expected = ours(list(mine), NOTHING), closed_form(theirs, weights).flatten(0, 1)
    torch.testing.assert_close(soft, expected, rtol=1e-5, atol=1e-5)
    direction = torch.randn_like(soft)
    soft.backward(direction)
    expected.backward(direction)
    torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-5, atol=1e-5)
    for name, one in ours.named_parameters():
        torch.testing.assert_close(one.grad, weights[name].grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("size", "squeezed"), [(2048, 512), (16, 8), (100, 24)])
def test_the_squeezed_size_is_rounded_as_in_mobilenet(size, squeezed):
    block = LdpBridge(C, size, pooled=None, square=True, norm=False).blocks[0]
    assert block.excitation.fc1.out_features == squeezed


def test_the_published_number_of_tokens_is_taken_where_there_are_so_many(tiny):
    shapes = {"image": (576, 16), "audio": (1500, 12), "video": (2, 49, 16)}
    config = tiny.config("ldp", shapes=shapes)
    assert [soft_token_count(config, name, shape) for name, shape in shapes.items()] == [144, 144, 98]
    config = tiny.config("ldp", shapes=shapes, variant="v1")
    assert [soft_token_count(config, name, shape) for name, shape in shapes.items()] == [144, 750, 32]


@pytest.mark.parametrize("name", ["ldp", "c-abstractor"])
def test_a_number_of_tokens_that_makes_no_square_is_told(tiny, name):
    config = tiny.config(name, shapes={"image": (49, 16), "audio": (30, 12)}, tokens=10)
    assert soft_token_count(config, "audio", (30, 12)) == 10
    for ask in (build_bridge, lambda config, modality: soft_token_count(config, modality, (49, 16))):
        with pytest.raises(UsageError, match=r"10 tokens.*9 or 16"):
            ask(config, "image")
