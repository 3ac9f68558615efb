import pytest
import torch
from torch import nn

from macaw_cli.basics.errors import UsageError
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.macaw import MacawBridge, sinusoid

PAPER = dict(heads=2, align_heads=4, dropout=0.1, over_time=True, residual=False)


def published_path(bridge, features, matrix):
    """The published forward pass of one medium, in torch's own modules."""

    def as_torch(ours, heads):
        width = ours.bias_k.shape[-1]
        module = nn.MultiheadAttention(width, heads, add_bias_kv=True, add_zero_attn=True, batch_first=True)
        module.load_state_dict(ours.state_dict())
        return module.eval()

    tokens = features.flatten(0, -2)[None]
    if bridge.self_attention is not None:
        tokens = tokens + sinusoid(*tokens.shape[1:])
        tokens = as_torch(bridge.self_attention, bridge.self_attention.heads)(tokens, tokens, tokens)[0]
    ours = bridge.convolution
    windows = nn.functional.conv1d(tokens.transpose(1, 2), ours.weight, ours.bias, ours.stride)
    tokens = bridge.projection(windows.transpose(1, 2))
    return as_torch(bridge.alignment, bridge.alignment.heads)(tokens, matrix[None], matrix[None])[0][0]


def initialised(bridge):
    torch.manual_seed(0)
    for parameter in bridge.parameters():
        nn.init.normal_(parameter, std=0.2)
    return bridge.eval()


@pytest.mark.parametrize("over_time", [False, True])
def test_the_paper_variant_is_the_published_computation(over_time):
    bridge = initialised(MacawBridge(8, 16, 4, 3, **{**PAPER, "over_time": over_time}))
    matrix, features = torch.randn(50, 16), [torch.randn(3, 5, 8), torch.randn(3, 5, 8)]
    found = bridge(features, BridgeContext(matrix))
    expected = torch.cat([published_path(bridge, one, matrix) for one in features])
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_media_of_different_lengths_do_not_touch_each_other():
    bridge = initialised(MacawBridge(8, 16, 4, 3, **PAPER))
    context = BridgeContext(torch.randn(50, 16))
    media = [torch.randn(frames, 5, 8) for frames in (1, 4, 2)]
    together = bridge(media, context)
    apart = torch.cat([bridge([one], context) for one in media])
    assert torch.allclose(together, apart, rtol=1e-5, atol=1e-6)


def test_the_position_code_has_the_doubled_exponent_of_the_published_code():
    code = sinusoid(7, 6)
    assert code.shape == (7, 6)
    assert code[3, 2] == pytest.approx(torch.sin(torch.tensor(3 * 10000 ** (-4 / 6))).item(), abs=1e-6)
    assert code[3, 5] == pytest.approx(torch.cos(torch.tensor(3 * 10000 ** (-8 / 6))).item(), abs=1e-6)


@pytest.mark.parametrize("scale", [0.001, 1.0, 300.0])
def test_soft_tokens_of_a_new_default_bridge_are_as_large_as_the_llms_own_embeddings(tiny, scale):
    model = tiny.model("macaw", llm=tiny.llm_config(hidden_size=64))
    matrix = model.embedding_matrix
    features = [scale * medium for medium in tiny.features("image", 4)]
    soft = model.fusion.bridges["image"](features, BridgeContext(matrix))
    ratio = soft.square().mean().sqrt() / matrix.square().mean().sqrt()
    assert 0.7 < ratio < 1.6


def test_default_soft_tokens_of_different_media_differ_at_the_start_and_paper_ones_hardly_do(tiny):
    """The reason for the default variant: what the LLM can tell apart before any training."""
    spread = {}
    for variant in ("default", "paper"):
        model = tiny.model("macaw", variant=variant)
        context = BridgeContext(model.embedding_matrix)
        soft = model.fusion.bridges["image"](tiny.features("image", 16), context).view(16, -1)
        spread[variant] = (soft.std(dim=0).norm() / soft.norm(dim=1).mean()).item()
    assert spread["default"] > 3 * spread["paper"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alignment_heads": 5}, "32, .* 5 heads .*alignment_heads"),
        ({"heads": 32, "variant": "paper"}, "32, .* 64 heads .*alignment_heads"),
    ],
)
def test_heads_that_do_not_divide_are_told(tiny, settings, message):
    with pytest.raises(UsageError, match=message):
        tiny.model("macaw", **settings)


def test_heads_must_divide_the_video_channels_too(tiny):
    with pytest.raises(UsageError, match=r"10.*4.*bridge.heads"):
        tiny.model("macaw", shapes={"video": (2, 8, 10)})
