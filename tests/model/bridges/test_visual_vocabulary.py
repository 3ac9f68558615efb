"""`visual-vocabulary` against the head and the table of transformers' Ovis 2."""

import pytest
import torch
from same_computation import NOTHING, filled, require_same
from torch import nn
from transformers.models.ovis2.configuration_ovis2 import Ovis2VisionConfig
from transformers.models.ovis2.modeling_ovis2 import Ovis2VisionModel, Ovis2VisualEmbeddingTable

from macaw_cli.model.bridges.registry import build_bridge, soft_token_count

SHAPES = {"image": (25, 12)}
HOW = {"softmax": "softmax", "gumbel": "gumbel_argmax", "straight-through": "st_argmax"}


class StoredFeatures(nn.Module):
    """What the vision transformer would give, read instead of computed."""

    def forward(self, features, **_):
        return (features,)


class Published(nn.Module):
    """Ovis 2 behind its vision transformer."""

    def __init__(self, choice, words=20, hidden_size=32):
        super().__init__()
        sizes = {"hidden_size": 12, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
        config = Ovis2VisionConfig(
            **sizes, image_size=28, patch_size=14, vocab_size=words + 3, num_visual_indicator_tokens=3,
            hidden_stride=2, tokenize_function=HOW[choice],
        )  # fmt: skip
        self.vision = Ovis2VisionModel(config)
        self.vision.transformer = StoredFeatures()
        self.table = Ovis2VisualEmbeddingTable(words, hidden_size)

    def forward(self, features):
        return self.table(self.vision(features[None]).pooler_output)[0]


def bridge(tiny, **settings):
    return build_bridge(tiny.config("visual-vocabulary", shapes=SHAPES, words=20, norm=False, **settings), "image")


@pytest.mark.parametrize("choice", HOW)
def test_ovis_computes_the_same_and_draws_the_same_words(tiny, choice):
    """On a grid that the window divides: transformers cannot fill up others."""
    ours, theirs = bridge(tiny, choice=choice).train(), Published(choice).train()
    same = {name: name if name.startswith("table") else f"vision.{name}" for name, _ in ours.named_parameters()}

    def seeded(call):
        def run(features):
            torch.manual_seed(3)
            return call(features)

        return run

    calls = {"call_ours": seeded(lambda features: ours([features], NOTHING)), "call_theirs": seeded(theirs)}
    require_same(ours, theirs, [torch.randn(36, 12)], same, **calls)


@pytest.mark.parametrize("choice", ["gumbel", "straight-through"])
def test_in_use_a_window_takes_its_likeliest_word(tiny, choice):
    ours = filled(bridge(tiny, choice=choice)).eval()
    soft = ours([torch.randn(25, 12)], NOTHING)
    distances = torch.cdist(soft, ours.table.weight)
    assert distances.min(-1).values.max() < 1e-5
    assert len(set(distances.argmin(-1).tolist())) > 1


def test_one_soft_token_per_window(tiny):
    config = tiny.config("visual-vocabulary", shapes=SHAPES)
    assert soft_token_count(config, "image", (25, 12)) == 9


def test_the_vocabulary_counts_in_memory_and_operations(tiny):
    config = tiny.config("visual-vocabulary", shapes=SHAPES, words=20)
    ours = build_bridge(config, "image")
    assert ours.extra_memory(config, "image", 9, 2) == 9 * 20 * (2 + 2 + 2 + 4)
    assert ours.extra_operations(config, "image", 9) == 2 * 9 * 20 * (48 + 32)
