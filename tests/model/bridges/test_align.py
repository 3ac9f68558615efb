"""`align` against its equation, and where its weights come from."""

import pytest
import torch
from same_computation import require_same
from torch import nn

from macaw_cli.basics.errors import UsageError
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.registry import build_bridge, soft_token_count


class Published(nn.Module):
    """softmax(LayerNorm(W2 LayerNorm(W1 F))) E; the LayerNorm on the logits may be missing."""

    def __init__(self, channels, matrix, *, logits_norm):
        super().__init__()
        rows, hidden_size = matrix.shape
        self.w1, self.norm = nn.Linear(channels, hidden_size), nn.LayerNorm(hidden_size)
        self.w2 = nn.Linear(hidden_size, rows, bias=False)
        self.last = nn.LayerNorm(rows) if logits_norm else nn.Identity()
        self.matrix = nn.Parameter(matrix)

    def forward(self, features):
        return torch.softmax(self.last(self.w2(self.norm(self.w1(features)))), -1) @ self.matrix


@pytest.mark.parametrize("logits_norm", [False, True])
def test_the_equation_computes_the_same(tiny, logits_norm):
    ours = build_bridge(tiny.config("align", logits_norm=logits_norm), "audio")
    theirs = Published(12, torch.zeros(60, 32), logits_norm=logits_norm)
    ours.matrix = nn.Parameter(torch.zeros(60, 32))
    renamed = {"projection": "w1", "projection_norm": "norm", "to_vocabulary": "w2", "logits_norm": "last"}
    same = {"matrix": "matrix"}
    for name, _ in ours.named_parameters():
        module, _, kind = name.partition(".")
        same[name] = f"{renamed[module]}.{kind}" if kind else name
    call = lambda features: ours([features], BridgeContext(ours.matrix))  # noqa: E731
    require_same(ours, theirs, [torch.randn(20, 12)], same, call_ours=call)


@pytest.mark.parametrize("tied", [False, True])
def test_it_starts_from_the_output_layer_of_the_llm(tiny, tied):
    model = tiny.model("align", llm=tiny.llm_config(tie_word_embeddings=tied))
    head = model.get_output_embeddings().weight
    assert (head is model.embedding_matrix) is tied
    for bridge in model.fusion.bridges.designs():
        assert torch.equal(bridge.to_vocabulary.weight, head)
        assert bridge.to_vocabulary.weight is not head


def test_soft_tokens_are_weighted_means_of_words(tiny):
    model = tiny.model("align")
    bridge, media = model.fusion.bridges["audio"], tiny.features("audio", 2)
    shares = bridge.bfloat16().probabilities([medium.bfloat16() for medium in media])
    assert shares.shape == (60, 60) and shares.dtype == torch.float32
    torch.testing.assert_close(shares.sum(-1), torch.ones(60))
    soft = bridge.float()(media, BridgeContext(model.embedding_matrix))
    assert soft.max() <= model.embedding_matrix.max() and soft.min() >= model.embedding_matrix.min()


def test_several_feature_tokens_may_make_one_soft_token(tiny):
    config = tiny.config("align", stride=4)
    assert soft_token_count(config, "audio", (30, 12)) == 8
    assert build_bridge(config, "audio").projection.in_features == 48


def test_the_vocabulary_counts_in_memory_and_operations(tiny):
    config = tiny.config("align")
    bridge = build_bridge(config, "audio")
    assert bridge.extra_memory(config, "audio", 10, 2) == 10 * 60 * (2 + 2 + 4)
    assert bridge.extra_operations(config, "audio", 10) == 2 * 10 * 60 * 32 * 2


def test_an_output_layer_of_another_width_is_told(tiny):
    bridge = build_bridge(tiny.config("align"), "audio")
    with pytest.raises(UsageError, match=r"60, 64.*60, 32"):
        bridge.start_from_head(torch.zeros(60, 64))
