"""`avg-pool`: that it computes what published projectors do."""

from types import SimpleNamespace

import pytest
import torch
from transformers import Gemma3Config, LlavaOnevisionConfig, PerceptionLMConfig, TimmWrapperConfig
from transformers.models.gemma3.modeling_gemma3 import Gemma3MultiModalProjector
from transformers.models.llava_onevision.modeling_llava_onevision import (
    LlavaOnevisionModel,
    LlavaOnevisionMultiModalProjector,
)
from transformers.models.perception_lm.modeling_perception_lm import PerceptionLMMultiModalProjector

from macaw_cli.model.bridges.avg_pool import AvgPoolBridge
from macaw_cli.model.bridges.bridge import BridgeContext

NOTHING = BridgeContext(torch.zeros(1, 1))
C, D = 6, 10


def gemma3(side, scale):
    config = Gemma3Config(mm_tokens_per_image=(side // scale) ** 2)
    config.vision_config.hidden_size, config.text_config.hidden_size = C, D
    config.vision_config.image_size, config.vision_config.patch_size = side, 1
    model = Gemma3MultiModalProjector(config)
    return model, model


def perception_lm(side, scale):
    config = PerceptionLMConfig(
        vision_config=TimmWrapperConfig(model_args={"embed_dim": C}), projector_pooling_ratio=scale
    )
    config.text_config.hidden_size = D
    model = PerceptionLMMultiModalProjector(config)
    return model, model


def llava_onevision(side, scale):
    config = LlavaOnevisionConfig()
    config.vision_config.hidden_size, config.text_config.hidden_size = C, D
    config.vision_config.image_size, config.vision_config.patch_size = side, 1
    model = LlavaOnevisionMultiModalProjector(config)
    return model, lambda images: LlavaOnevisionModel.apply_pooling(SimpleNamespace(config=config), model(images))


def as_ours(name, weight):
    """The name and the value that a weight of a published projector has here; Gemma's RMSNorm multiplies by 1 + w."""
    if name == "mm_input_projection_weight":
        return "linear_2.weight", weight.T
    if name == "mm_soft_emb_norm.weight":
        return "norm.weight", 1 + weight
    return name, weight


@pytest.mark.parametrize(
    ("variant", "make", "side", "scale"),
    [
        ("gemma3", gemma3, 8, 4), ("gemma3", gemma3, 6, 2), ("perception-lm", perception_lm, 6, 2),
        ("perception-lm", perception_lm, 7, 2), ("llava-onevision", llava_onevision, 6, 2),
        ("llava-onevision", llava_onevision, 7, 2),
    ],
)  # fmt: skip
def test_published_projectors_compute_the_same(variant, make, side, scale):
    torch.manual_seed(0)
    published, compute = make(side, scale)
    ours = AvgPoolBridge(C, D, variant=variant, scale=scale, square=True, norm=False)
    for weight in published.parameters():
        weight.data.normal_(std=0.3)
    with torch.no_grad():
        ours.load_state_dict(dict(as_ours(*one) for one in published.named_parameters()))
    mine = torch.randn(3, side * side, C).requires_grad_()
    theirs = mine.detach().clone().requires_grad_()
    soft, expected = ours(list(mine), NOTHING), compute(theirs).flatten(0, 1)
    torch.testing.assert_close(soft, expected, rtol=1e-5, atol=1e-6)
    direction = torch.randn_like(soft)
    soft.backward(direction)
    expected.backward(direction)
    torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-5, atol=1e-6)
    own = dict(ours.named_parameters())
    for name, weight in published.named_parameters():
        place, _ = as_ours(name, weight)
        gradient = weight.grad.T if place == "linear_2.weight" and variant == "gemma3" else weight.grad
        torch.testing.assert_close(own[place].grad, gradient, rtol=1e-5, atol=1e-5)


def test_windows_of_gemma_that_reach_over_the_border_hold_the_mean_of_the_tokens_that_are_there():
    bridge = AvgPoolBridge(1, 1, variant="gemma3", scale=2, square=True, norm=False)
    bridge.norm, bridge.linear_2 = torch.nn.Identity(), torch.nn.Identity()
    assert bridge([torch.arange(1.0, 10.0)[:, None]], NOTHING).flatten().tolist() == [3, 4.5, 7.5, 9]


def test_of_audio_as_many_consecutive_tokens_become_one():
    bridge = AvgPoolBridge(1, 1, variant="gemma3", scale=2, square=False, norm=False)
    bridge.norm, bridge.linear_2 = torch.nn.Identity(), torch.nn.Identity()
    assert bridge([torch.arange(1.0, 8.0)[:, None]], NOTHING).flatten().tolist() == [2.5, 6]
