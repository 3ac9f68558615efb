"""`attention-pool` against transformers' adapter of Molmo 2."""

import pytest
import torch
from same_computation import require_same
from transformers.models.molmo2.configuration_molmo2 import Molmo2AdapterConfig
from transformers.models.molmo2.modeling_molmo2 import Molmo2Adapter

from macaw_cli.basics.errors import UsageError
from macaw_cli.model.bridges.registry import build_bridge, soft_token_count

SHAPES = {"image": (25, 12), "audio": (30, 12)}
NAMES = {
    "pooling.query": "image_pooling_2d.q_proj", "pooling.key": "image_pooling_2d.k_proj",
    "pooling.value": "image_pooling_2d.v_proj", "pooling.out": "image_pooling_2d.o_proj",
    "projection.gate": "image_projector.gate_proj", "projection.fall": "image_projector.down_proj",
    "projection.rise": "image_projector.up_proj",
}  # fmt: skip
BORDERS = [[0, 1, 5, 6], [2, 3, 7, 8], [4, 9, -1, -1], [10, 11, 15, 16], [12, 13, 17, 18], [14, 19, -1, -1],
           [20, 21, -1, -1], [22, 23, -1, -1], [24, -1, -1, -1]]  # fmt: skip
"""The tokens of each 2 x 2 window of a 5 x 5 grid."""


def test_molmo_computes_the_same_at_the_borders_too(tiny):
    config = tiny.config("attention-pool", shapes=SHAPES, heads=3, inner=20, norm=False)
    ours = build_bridge(config, "image")
    theirs = Molmo2Adapter(Molmo2AdapterConfig(
        vision_feature_layer=[-1], hidden_size=12, num_attention_heads=3, num_key_value_heads=3, head_dim=4,
        intermediate_size=20, text_hidden_size=32,
    ))  # fmt: skip
    same = {name: name.replace(name.rpartition(".")[0], NAMES[name.rpartition(".")[0]])
            for name, _ in ours.named_parameters()}  # fmt: skip
    places = torch.tensor(BORDERS)
    published = lambda features: theirs(features[None], places).last_hidden_state  # noqa: E731
    require_same(ours, theirs, [torch.randn(25, 12)], same, call_theirs=published)


def test_one_soft_token_per_window(tiny):
    config = tiny.config("attention-pool", shapes=SHAPES)
    assert soft_token_count(config, "image", (25, 12)) == 9
    assert soft_token_count(config, "audio", (30, 12)) == 8


def test_heads_that_do_not_divide_the_channels_are_told(tiny):
    with pytest.raises(UsageError, match=r"12.*5 heads"):
        tiny.model("attention-pool", shapes=SHAPES, heads=5)
