"""`frame-stack`: what it stacks, and that its layers are those of published models."""

import pytest
import torch
from same_computation import NOTHING, require_same
from torch import nn
from transformers import GlmAsrConfig, VoxtralConfig
from transformers.models.glmasr.modeling_glmasr import GlmAsrMultiModalProjector
from transformers.models.voxtral.modeling_voxtral import VoxtralMultiModalProjector

from macaw_cli.config.bridges.frame_stack import FrameStackBridgeSettings
from macaw_cli.model.bridges.frame_stack import FrameStackBridge
from macaw_cli.model.bridges.registry import soft_token_count


def small(stride=4, **changes):
    torch.manual_seed(0)
    return FrameStackBridge(
        3, 8, **{"stride": stride, "hidden": 16, "bias": True, "norm": False, **changes}
    )  # fmt: skip


def test_consecutive_tokens_stand_side_by_side_and_the_last_ones_before_zeros():
    features = torch.arange(1.0, 31.0).reshape(10, 3)
    rows = small().rows(features)
    assert rows.shape == (3, 12)
    assert torch.equal(rows[:2].flatten(), features[:8].flatten())
    assert rows[2].tolist() == [*range(25, 31), *[0] * 6]


@pytest.mark.parametrize(
    ("shape", "count"), [((4, 8, 3), 8), ((4, 9, 3), 12), ((4, 1, 3), 1), ((5, 1, 3), 2), ((3, 2, 3), 2), ((9, 3), 3)]
)
def test_windows_keep_to_one_frame_unless_frames_are_smaller(shape, count):
    config = _config(stride=4)
    frames = torch.arange(1.0, 1 + len(torch.zeros(shape).flatten(0, -2))).reshape(*shape[:-1], 1).expand(shape)
    rows = small().rows(frames)
    assert len(rows) == count == soft_token_count(config, "video", shape)
    if len(shape) == 3 and shape[1] >= 4:
        frame_of = [{int((token - 1) // shape[1]) for token in row.tolist() if token} for row in rows]
        assert all(len(frame) == 1 for frame in frame_of)


def test_media_of_different_lengths_are_stacked_each_on_its_own():
    bridge = small(norm=True)
    media = [torch.randn(5, 3), torch.randn(2, 3), torch.randn(2, 6, 3)]
    together = bridge(media, NOTHING)
    assert len(together) == 2 + 1 + 4
    torch.testing.assert_close(together, torch.cat([bridge([medium], NOTHING) for medium in media]))


def test_by_default_it_is_the_mlp_between_two_norms_of_the_plain_loop():
    """The baseline: LayerNorm, Linear to 2 D, GELU, Linear to D, LayerNorm whose weight is the embeddings' RMS."""
    bridge = small(norm=True)
    matrix = torch.randn(50, 8) * 0.3
    bridge.calibrate(matrix)
    plain = nn.Sequential(nn.LayerNorm(12), nn.Linear(12, 16), nn.GELU(), nn.Linear(16, 8), nn.LayerNorm(8))
    nn.init.constant_(plain[-1].weight, float(matrix.square().mean().sqrt()))
    plain[1].load_state_dict(bridge.projection[0].state_dict())
    plain[3].load_state_dict(bridge.projection[2].state_dict())
    features = torch.randn(40, 3) * 7
    torch.testing.assert_close(bridge([features], NOTHING), plain(features.reshape(10, 12)), rtol=1e-5, atol=1e-6)
    assert FrameStackBridgeSettings() == FrameStackBridgeSettings(stride=4, hidden=None, bias=True, norm=True)


@pytest.mark.parametrize(
    ("projector", "config", "settings"),
    [
        (VoxtralMultiModalProjector, VoxtralConfig, {"hidden": 24, "bias": False}),
        (GlmAsrMultiModalProjector, GlmAsrConfig, {"hidden": None}),
    ],
)
def test_published_projectors_compute_the_same(projector, config, settings):
    """Voxtral and GLM-ASR stack four frames of their encoder, whose feed-forward width is four times its width."""
    published = projector(_published_config(config))
    ours = FrameStackBridge.from_config(_config(10, stride=4, norm=False, **settings), "audio")
    _require_same(ours, published, lambda features: published(features.reshape(-1, 40)), "linear_1", "linear_2")


def test_slam_llm_computes_the_same():
    """Its projector concatenates k frames, drops the rest, and has ReLU."""
    published = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 24))
    options = {"stride": 3, "hidden": 16, "activation": "relu", "remainder": "drop", "norm": False}
    ours = FrameStackBridge.from_config(_config(10, **options), "audio")
    _require_same(ours, published, lambda features: published(features[:18].reshape(-1, 30)), "0", "2")
    assert soft_token_count(_config(10, **options), "audio", (20, 10)) == 6


def _require_same(ours, published, call, first, last):
    same = {f"projection.{own}.{kind}": f"{other}.{kind}" for own, other in ((0, first), (2, last))
            for kind in ("weight", "bias")}  # fmt: skip
    same = {own: other for own, other in same.items() if own in dict(ours.named_parameters())}
    require_same(ours, published, [torch.randn(20, 10)], same, call_theirs=call)


def _published_config(kind):
    config = kind()
    config.audio_config.hidden_size, config.audio_config.intermediate_size = 10, 40
    config.text_config.hidden_size = 24
    return config


def _config(channels=3, **options):
    from transformers import LlamaConfig

    from macaw_cli.model.configuration import MacawConfig

    llm = LlamaConfig(vocab_size=60, hidden_size=24, num_attention_heads=4)
    shapes = {"audio": (30, channels), "video": (3, 10, channels)}
    return MacawConfig.for_llm(llm, FrameStackBridgeSettings(**options), shapes)
