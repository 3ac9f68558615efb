import pytest
import torch
from same_computation import NOTHING, require_close, require_same
from torch import nn

from macaw_cli.model.bridges.pooled import PooledBridge


def closed_form(layer, media):
    return torch.cat([layer(medium.flatten(0, -2).mean(dim=0)).unflatten(0, (3, 12)) for medium in media])


@pytest.mark.parametrize("shapes", [[(5, 8), (5, 8)], [(2, 5, 8), (1, 3, 8)]], ids=["equal", "other lengths"])
def test_it_is_one_linear_layer_on_the_mean_of_all_tokens(shapes):
    bridge = PooledBridge(8, 12, tokens=3, head=None, norm=False)
    media, layer = [torch.randn(shape) for shape in shapes], nn.Linear(8, 36)
    names = {f"projection.{kind}": kind for kind in ("weight", "bias")}
    require_same(bridge, layer, media, names, call_theirs=lambda *media: closed_form(layer, media))


def test_the_head_is_added_to_the_mean():
    bridge = PooledBridge(8, 12, tokens=3, head=5, norm=False)
    medium = torch.randn(4, 8)
    mean = medium.mean(dim=0)
    expected = bridge.projection(mean + bridge.head(mean)).view(3, 12)
    require_close("output", bridge([medium], NOTHING), expected)


def test_a_frozen_llm_gets_no_gradients_and_the_bridge_does(tiny):
    model = tiny.model("pooled", head=6)
    model.language_model.requires_grad_(False)
    ids = torch.tensor([tiny.sequence(model.config, 1, "image", 5, 6, 7)])
    model(input_ids=ids, labels=ids.where(ids < 60, -100), image_features=tiny.features("image")).loss.backward()
    assert all(parameter.grad is None for parameter in model.language_model.parameters())
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.fusion.bridges["image"].parameters())
