"""`affine`: closed forms of PaLM-E's three encoders."""

import pytest
import torch
from same_computation import NOTHING, require_same
from torch import nn

from macaw_cli.model.bridges.registry import build_bridge, soft_token_count


def mlp(size):
    return nn.Sequential(nn.Linear(12, 7), nn.GELU(), nn.Linear(7, size))


@pytest.mark.parametrize(
    ("variant", "published", "call"),
    [
        ("tokens", nn.Linear(12, 32), lambda layer, features: layer(features)),
        ("state", mlp(32), lambda layer, features: layer(features.mean(0, keepdim=True))),
        ("objects", mlp(96), lambda layer, features: torch.cat([layer(one).view(3, 32) for one in features])),
    ],
    ids=["tokens", "state", "objects"],
)
def test_the_closed_form_computes_the_same(tiny, variant, published, call):
    config = tiny.config("affine", variant=variant, hidden=7, tokens_per_object=3, norm=False)
    ours, features = build_bridge(config, "audio"), torch.randn(20, 12)
    same = {name: name.removeprefix("projection.") for name, _ in ours.named_parameters()}
    require_same(ours, published, [features], same, call_theirs=lambda one: call(published, one))
    assert len(ours([features], NOTHING)) == soft_token_count(config, "audio", features.shape)


def test_a_state_vector_is_one_token_and_a_video_has_a_state_per_frame(tiny):
    config = tiny.config("affine", variant="state")
    assert soft_token_count(config, "audio", (1, 12)) == 1
    assert soft_token_count(config, "video", (3, 10, 16)) == 3


def test_media_have_as_many_objects_as_they_have(tiny):
    config = tiny.config("affine", variant="objects")
    bridge = build_bridge(config, "image")
    media = [torch.randn(2, 16), torch.randn(5, 16)]
    soft = bridge(media, NOTHING)
    assert len(soft) == 4 * 2 + 4 * 5
    torch.testing.assert_close(soft[8:], bridge(media[1:], NOTHING))
