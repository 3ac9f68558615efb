import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from same_computation import require_close, require_same
from torch import nn
from transformers import IdeficsConfig
from transformers.models.idefics.perceiver import IdeficsPerceiverResampler

from macaw_cli.config.bridges.resampler import ResamplerBridgeSettings
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.resampler import ResamplerBridge

GOLDEN = Path(os.environ.get("MACAW_GOLDEN", Path(__file__).parents[4] / "shared" / "golden"))
GOLDEN = (GOLDEN if GOLDEN.is_dir() else GOLDEN.parent) / "flamingo_resampler.safetensors"
IDEFICS = {
    "token_norm": "0.context_layer_norm", "latent_norm": "0.latents_layer_norm", "attention.query": "0.q_proj",
    "attention.key": "0.k_proj", "attention.value": "0.v_proj", "attention.out": "0.output_proj",
    "feed_forward_norm": "1.ln", "feed_forward.rise": "1.fc", "feed_forward.fall": "1.c_proj",
}  # fmt: skip
FLAMINGO = {
    "token_norm": "0.norm_media", "latent_norm": "0.norm_latents", "attention.query": "0.to_q",
    "attention.out": "0.to_out", "feed_forward_norm": "1.0", "feed_forward.rise": "1.1", "feed_forward.fall": "1.3",
}  # fmt: skip


def resampler(channels, hidden_size, over_time=False, **options):
    settings = ResamplerBridgeSettings(**{"norm": False, "frames": None, "layers": 2, "tokens": 6, **options})
    bridge = ResamplerBridge(channels, hidden_size, settings, over_time=over_time)
    bridge.initialise()
    return bridge


def as_idefics(tensors):
    names = {"latents": "latents", "last_norm.weight": "layer_norm.weight", "last_norm.bias": "layer_norm.bias"}
    for layer in range(2):
        for own, other in IDEFICS.items():
            for kind in ("weight", "bias"):
                names[f"layers.{layer}.{own}.{kind}"] = f"blocks.{layer}.{other}.{kind}"
    return {names[name]: value for name, value in tensors.items()}


def idefics():
    config = IdeficsConfig(vision_config={"embed_dim": 24}, perceiver_config={"qk_layer_norms_perceiver": False})
    return IdeficsPerceiverResampler(config, 24, 2, 3, 8, 6)


def test_it_is_that_of_idefics():
    bridge = resampler(24, 24, heads=3, head_size=8, activation="relu")
    media, original = [torch.randn(7, 24), torch.randn(4, 24)], idefics()
    run = lambda *media: torch.cat([original(medium[None])[0] for medium in media])  # noqa: E731
    require_same(bridge, original, media, as_idefics, call_theirs=run)


def test_a_video_is_read_as_a_whole_or_frame_by_frame():
    video = torch.randn(3, 4, 24)
    context, original = BridgeContext(torch.zeros(1, 24)), idefics()
    for per_frame, read in ((False, video.flatten(0, 1)[None]), (True, video)):
        bridge = resampler(24, 24, True, heads=3, head_size=8, activation="relu", per_frame=per_frame)
        original.load_state_dict(as_idefics(bridge.state_dict()))
        require_close("output", bridge([video], context), original(read).flatten(0, 1))


@pytest.mark.skipif(not GOLDEN.is_file(), reason="golden vectors are not at hand (set MACAW_GOLDEN)")
def test_it_is_that_of_openflamingo():
    vectors = load_file(GOLDEN)
    given = {name.removeprefix("param."): value for name, value in vectors.items() if name.startswith("param.")}
    bridge = resampler(24, 24, True, heads=3, head_size=8, frames=4)
    state = {"latents": given["latents"], "frame_embeddings": given["frame_embs"]}
    state |= {f"last_norm.{kind}": given[f"norm.{kind}"] for kind in ("weight", "bias")}
    for layer in range(2):
        for own, other in FLAMINGO.items():
            for kind in ("weight", "bias"):
                if (name := f"layers.{layer}.{other}.{kind}") in given:
                    state[f"layers.{layer}.{own}.{kind}"] = given[name]
        key_and_value = given[f"layers.{layer}.0.to_kv.weight"].chunk(2)
        for own, weight in zip(("key", "value"), key_and_value, strict=True):
            state[f"layers.{layer}.attention.{own}.weight"] = weight
    bridge.load_state_dict(state)
    features = vectors["in.features"]  # (B, media, frames, tokens, channels)
    numbered = features + given["media_time_embs"][None, : features.shape[1], None]
    with torch.no_grad():
        found = bridge(list(numbered.flatten(0, 1)), BridgeContext(torch.zeros(1, 24)))
    require_close("output", found, vectors["out.latents"].flatten(0, 2))


def test_the_squared_relu_is_one_choice():
    bridge = resampler(8, 8, activation="relu2")
    values = torch.randn(3, 8)
    layer = bridge.layers[0].feed_forward
    require_close("output", layer(values), layer.fall(torch.relu(layer.rise(values)) ** 2))


def test_frames_of_a_longer_video_get_interpolated_embeddings():
    bridge = resampler(8, 8, True, frames=3)
    nothing = torch.zeros(5, 2, 8)
    found, table = bridge._with_frames(nothing), bridge.frame_embeddings
    require_close("first, middle and last", found[::2, 0], table)
    require_close("between", found[1, 1], (table[0] + table[1]) / 2)
    require_close("a shorter one", bridge._with_frames(nothing[:2])[:, 0], table[:2])


def test_soft_tokens_are_as_wide_as_the_llms_embeddings():
    assert resampler(8, 8).projection is None
    assert isinstance(resampler(8, 12).projection, nn.Linear)
    assert resampler(8, 12)([torch.randn(3, 8)], BridgeContext(torch.zeros(1, 12))).shape == (6, 12)


def test_only_video_has_frame_embeddings(tiny):
    model = tiny.model("resampler", layers=1, tokens=3)
    bridges = model.fusion.bridges
    assert [bridges[name].frame_embeddings is None for name in ("image", "audio", "video")] == [True, True, False]
    assert not bridges["video"].frame_embeddings.any()
    published = tiny.model("resampler", layers=1, tokens=3, norm=False).fusion.bridges["video"]
    assert 0.5 < published.frame_embeddings.std() < 1.5
    assert 0.5 < published.latents.std() < 1.5
