"""`upm`: OneLLM's own numbers, gradients against its computation, and experts that exist once for all modalities."""

import json
import os
from copy import deepcopy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file
from same_computation import NOTHING, require_close, require_same
from torch import nn

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.bridges.designs import BridgePerModality
from macaw_cli.config.bridges.linear import LinearBridgeSettings
from macaw_cli.config.bridges.upm import UpmBridgeSettings
from macaw_cli.model.bridges.all_bridges import Bridges
from macaw_cli.model.bridges.upm import UpmBridge
from macaw_cli.model.modeling import MacawForConditionalGeneration

DEFAULT = Path(__file__).parents[4] / "shared" / "golden"
GOLDEN = Path(os.environ.get("MACAW_GOLDEN", DEFAULT)) / "onellm_upm.safetensors"
SMALL = {"tokens": 4, "width": 16, "experts": 2, "layers": 2, "heads": 2, "inner": 24}
LAYER = {
    "attention_norm": "attention_norm", "mlp_norm": "ffn_norm", "attention.query": "attention.wq",
    "attention.key": "attention.wk", "attention.value": "attention.wv", "attention.out": "attention.wo",
    "mlp.gate": "feed_forward.w1", "mlp.fall": "feed_forward.w2", "mlp.rise": "feed_forward.w3",
}  # fmt: skip
OWN = {
    "projection.0": "clip_proj1.image.0", "projection.1": "clip_proj1.image.1", "router.0": "routers.image.fc1",
    "router.2": "routers.image.fc2", "output": "clip_proj2.image.0", "output_norm": "clip_proj2.image.1",
}  # fmt: skip


def published_name(name):
    """OneLLM's name of one of our parameters."""
    if name == "queries":
        return "resample_tokens.image"
    module, _, kind = name.rpartition(".")
    if module in OWN:
        return f"{OWN[module]}.{kind}"
    expert, layer, part = module.removeprefix("shared.experts.").split(".", 2)
    return f"resample_layers.{expert}.{layer}.{LAYER[part]}.{kind}"


class Published(nn.Module):
    """OneLLM's computation from its own parameters, router on all tokens included."""

    def __init__(self, tensors, heads):
        super().__init__()
        self.tensors = nn.ParameterDict({name.replace(".", "/"): nn.Parameter(one) for name, one in tensors.items()})
        self.heads = heads
        self.experts = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("resample_layers"))
        self.layers = 1 + max(int(name.split(".")[2]) for name in tensors if name.startswith("resample_layers"))

    def named_parameters(self, *_, **__):
        return ((name.replace("/", "."), one) for name, one in self.tensors.items())

    def apply_linear(self, name, tokens):
        bias = self.tensors.get(f"{name}.bias".replace(".", "/"))
        return F.linear(tokens, self.tensors[f"{name}.weight".replace(".", "/")], bias)

    def norm(self, name, tokens):
        weight, bias = (self.tensors.get(f"{name}.{kind}".replace(".", "/")) for kind in ("weight", "bias"))
        if bias is None:
            return F.rms_norm(tokens, tokens.shape[-1:], weight, 1e-5)
        return F.layer_norm(tokens, tokens.shape[-1:], weight, bias)

    def layer(self, name, tokens):
        normed = self.norm(f"{name}.attention_norm", tokens)
        split = lambda one: one.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # noqa: E731
        query, key, value = (split(self.apply_linear(f"{name}.attention.w{kind}", normed)) for kind in "qkv")
        weights = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(-1)
        mixed = (weights @ value).transpose(1, 2).flatten(-2)
        tokens = tokens + self.apply_linear(f"{name}.attention.wo", mixed)
        normed = self.norm(f"{name}.ffn_norm", tokens)
        gated = F.silu(self.apply_linear(f"{name}.feed_forward.w1", normed))
        rising = self.apply_linear(f"{name}.feed_forward.w3", normed)
        return tokens + self.apply_linear(f"{name}.feed_forward.w2", gated * rising)

    def forward(self, features):
        tokens = self.norm("clip_proj1.image.1", self.apply_linear("clip_proj1.image.0", features))
        queries = self.tensors["resample_tokens/image"]
        tokens = torch.cat([queries.expand(len(tokens), -1, -1), tokens], 1)
        hidden = F.gelu(self.apply_linear("routers.image.fc1", tokens))
        shares = self.apply_linear("routers.image.fc2", hidden).sigmoid()
        shares = (shares / shares.sum(-1, keepdim=True))[:, : queries.shape[1]]
        made = 0
        for expert in range(self.experts):
            read = tokens
            for layer in range(self.layers):
                read = self.layer(f"resample_layers.{expert}.{layer}", read)
            made = made + read[:, : queries.shape[1]] * shares[..., expert, None]
        return self.norm("clip_proj2.image.1", self.apply_linear("clip_proj2.image.0", made))


def one_bridge(channels, hidden_size, tokens, sizes):
    bridge = UpmBridge(channels, hidden_size, tokens=tokens, sizes=sizes, mean_of_frames=True, norm=False)
    Bridges({"image": bridge}, hidden_size)
    return bridge


@pytest.mark.skipif(not GOLDEN.is_file(), reason="golden vectors are not at hand (set MACAW_GOLDEN)")
def test_onellms_own_numbers():
    vectors = load_file(GOLDEN)
    config = json.loads(safe_open(GOLDEN, "pt").metadata()["config"])
    tensors = {name.removeprefix("param."): one for name, one in vectors.items() if name.startswith("param.")}
    inner = len(tensors["resample_layers.0.0.feed_forward.w1.weight"])
    sizes = (config["experts"], config["layers"], config["width"], config["heads"], inner)
    bridge = one_bridge(config["width"], config["out"], config["tokens"], sizes)
    named = dict(bridge.named_parameters())
    assert {published_name(name) for name in named} == set(tensors)
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(tensors[published_name(name)].reshape(parameter.shape))
        found = bridge([*vectors["in.features"]], NOTHING)
        require_close("ours", found, vectors["out.tokens"].flatten(0, 1))
        published = Published(tensors, config["heads"])(vectors["in.features"])
        require_close("the computation below", published, vectors["out.tokens"])


def test_gradients_are_those_of_the_published_computation():
    bridge = one_bridge(12, 32, 4, (2, 2, 16, 2, 24))
    same = {name: published_name(name) for name, _ in bridge.named_parameters()}
    tensors = {same[name]: one.detach().clone() for name, one in bridge.named_parameters()}
    tensors["resample_tokens.image"] = tensors["resample_tokens.image"][None]
    theirs = Published(tensors, heads=2)
    call = lambda features: bridge([*features], NOTHING)  # noqa: E731
    published = lambda features: theirs(features).flatten(0, 1)  # noqa: E731
    require_same(bridge, theirs, [torch.randn(2, 9, 12)], same, call_ours=call, call_theirs=published)


def test_the_experts_exist_once_for_all_modalities(tiny, tmp_path):
    model = tiny.model(UpmBridgeSettings(**SMALL))
    image, audio, video = model.fusion.bridges.designs()
    assert image.shared is audio.shared is video.shared
    experts = [name for name, _ in model.named_parameters() if ".experts." in name]
    assert len(experts) == 2 * 2 * 9
    assert all(name.startswith("fusion.bridges.image.shared.") for name in experts)
    assert set(experts) <= set(model.trainable_groups()["bridge"])
    model.save_pretrained(tmp_path)
    saved = load_file(tmp_path / "model.safetensors")
    assert sorted(name for name in saved if ".experts." in name) == sorted(experts)
    for other in (MacawForConditionalGeneration.from_pretrained(tmp_path), deepcopy(model)):
        again = other.fusion.bridges
        assert again["image"].shared is again["video"].shared is not image.shared
        media = {name: tiny.features(name) for name in tiny.shapes}
        for one, two in zip(again(media, other.embedding_matrix), model.fusion.bridges(media, model.embedding_matrix),
                            strict=True):  # fmt: skip
            assert torch.equal(one, two)


def test_all_modalities_train_the_experts_also_those_that_do_not_hold_them(tiny):
    model = tiny.model(UpmBridgeSettings(**SMALL)).train()
    media = {"image": [], "audio": tiny.features("audio"), "video": []}
    soft = model.fusion.bridges(media, model.embedding_matrix)
    sum(one.square().sum() for one in soft).backward()
    assert all(one.grad.abs().sum() > 0 for one in model.fusion.bridges["image"].shared.parameters())


def test_a_modality_with_another_design_takes_no_part(tiny):
    model = tiny.model(BridgePerModality(image=LinearBridgeSettings(), audio=UpmBridgeSettings(**SMALL),
                                         video=UpmBridgeSettings(**SMALL)))  # fmt: skip
    names = [name for name, _ in model.named_parameters() if ".experts." in name]
    assert names and all(name.startswith("fusion.bridges.audio.") for name in names)


def test_experts_of_different_sizes_are_told(tiny):
    other = {**SMALL, "layers": 3}
    with pytest.raises(UsageError, match=r"image.*audio"):
        tiny.model(BridgePerModality(image=UpmBridgeSettings(**SMALL), audio=UpmBridgeSettings(**other),
                                     video=UpmBridgeSettings(**SMALL)))  # fmt: skip


def test_the_published_sizes_are_the_defaults_at_a_width_of_1024(tiny):
    config = tiny.config("upm", llm=tiny.llm_config(hidden_size=4096, num_attention_heads=32))
    assert UpmBridge.from_config(config, "image").sizes == (3, 8, 1024, 16, 2816)


def test_a_video_is_the_mean_of_its_frames_or_all_of_them(tiny):
    (frames,) = tiny.features("video")
    mean, whole = (tiny.model(UpmBridgeSettings(**SMALL, frames=how)).fusion.bridges["video"]
                   for how in ("mean", "all"))  # fmt: skip
    still = frames.mean(0, keepdim=True).expand_as(frames)
    torch.testing.assert_close(mean([frames], NOTHING), mean([still], NOTHING), rtol=1e-4, atol=1e-6)
    assert (whole([frames], NOTHING) - whole([still], NOTHING)).abs().max() > 1e-4
