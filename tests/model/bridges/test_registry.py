import json
import re
from math import prod
from typing import get_args, get_type_hints

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from macaw_cli.basics.errors import MismatchError, UsageError
from macaw_cli.config.bridges.designs import BridgePerModality
from macaw_cli.config.bridges.frame_stack import FrameStackBridgeSettings
from macaw_cli.config.bridges.linear import LinearBridgeSettings
from macaw_cli.config.bridges.macaw import MacawBridgeSettings
from macaw_cli.config.bridges.mlp import MlpBridgeSettings
from macaw_cli.config.bridges.table import BUILT_IN
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.registry import bridge_class, build_bridge, soft_token_count
from macaw_cli.model.configuration import MacawConfig

BRIDGES = {row.name: row for row in BUILT_IN}


def test_every_row_names_settings_and_a_class_that_are_there():
    for name, row in BRIDGES.items():
        assert get_args(get_type_hints(row.settings)["name"]) == (name,)
        assert bridge_class(name).__module__ == row.module.partition(":")[0]


@pytest.mark.parametrize("name", sorted(BRIDGES))
@pytest.mark.parametrize("modality", ["image", "audio", "video"])
def test_every_bridge_makes_as_many_soft_tokens_as_its_shape_says(tiny, name, modality):
    shapes = tiny.shapes_of(name)
    model = tiny.model(name, shapes=shapes)
    bridge, context = model.fusion.bridges[modality], BridgeContext(model.embedding_matrix)
    count = soft_token_count(model.config, modality, shapes[modality])
    soft = bridge(list(torch.randn(2, *shapes[modality])), context)
    assert soft.shape == (2 * count, 32)
    assert soft.dtype == torch.float32
    assert bridge(torch.zeros(1, *bridge.smallest_input()), context).shape[1] == 32


@pytest.mark.parametrize("name", sorted(BRIDGES))
@pytest.mark.parametrize("modality", ["image", "audio", "video"])
def test_a_bridge_calls_its_modules_as_often_whatever_the_media_are(tiny, name, modality):
    """ZeRO-3 records every call, also of modules without parameters, and stops where ranks differ."""
    shapes = tiny.shapes_of(name)
    model = tiny.model(name, shapes=shapes)
    bridge, context = model.fusion.bridges[modality], BridgeContext(model.embedding_matrix)
    calls, (*more, tokens, channels) = [], shapes[modality]
    for place, module in bridge.named_modules():
        module.register_forward_hook(lambda *_, place=place: calls[-1].append(place))
    for counts in ([tokens], [tokens, tokens], [16, tokens, 4]):
        calls.append([])
        bridge([torch.randn(*more, count, channels) for count in counts], context)
    calls.append([])
    bridge([torch.zeros(bridge.smallest_input())], context)
    assert calls[0] == calls[1] == calls[2] == calls[3]


@pytest.mark.parametrize(
    ("name", "image", "video"),
    [
        ("affine", 10, 30), ("align", 10, 30), ("frame-stack", 3, 9), ("latent-cross-attention", 64, 192),
        ("linear", 10, 30), ("macaw", 3, 30), ("mlp", 10, 30), ("patch", 2, 4), ("patch-merge", 3, 9),
        ("pooled", 2, 2), ("q-former", 32, 96), ("query-decoder", 32, 96), ("resampler", 64, 64), ("ultravox", 2, 6),
        ("upm", 30, 30),
    ],
)  # fmt: skip
def test_token_counts_follow_from_shapes_alone(tiny, name, image, video):
    config = tiny.config(name)
    assert soft_token_count(config, "image", (10, 16)) == image
    assert soft_token_count(config, "video", (3, 10, 16)) == video


def test_the_published_sizes_are_the_default(tiny):
    shapes = {"image": (196, 512), "audio": (1500, 512), "video": (6, 196, 512)}
    config = tiny.config("macaw", shapes=shapes, image_tokens=None)
    assert [soft_token_count(config, name, shape) for name, shape in shapes.items()] == [5, 6, 39]


def test_a_modality_without_bridge_or_with_other_channels_is_told(tiny):
    config = tiny.config("linear", shapes={"image": (10, 16)})
    with pytest.raises(MismatchError, match=r"audio.*image"):
        soft_token_count(config, "audio", (30, 12))
    with pytest.raises(MismatchError, match="16 channels, found 20"):
        soft_token_count(config, "image", (10, 20))


COUNTS = {
    "frame-stack": [1, 3, 4, 10, 1],
    "macaw": [1, 3, 4, 13, 1],
    "patch": [2, 2, 2, 6, 2],
    "patch-merge": [1, 3, 4, 10, 1],
    "ultravox": [1, 2, 2, 5, 1],
    "latent-cross-attention": [64] * 5, "pooled": [2] * 5, "q-former": [32] * 5, "query-decoder": [32] * 5,
    "resampler": [64] * 5,
    "upm": [30] * 5,
}
"""Soft tokens of images of 2, 10, 13, 40 and 1 feature tokens, where they are others than these."""


@pytest.mark.parametrize("name", sorted(BRIDGES))
def test_media_of_other_lengths_make_as_many_soft_tokens_as_their_shapes_say(tiny, name):
    """Audio files of any length and images of any proportions: longer ones more; `macaw` at least one."""
    if name in tiny.on_grids:
        pytest.skip("an image is a square grid of tokens: test_grids.py")
    model = tiny.model(name)
    bridge, config, context = model.fusion.bridges["image"], model.config, BridgeContext(model.embedding_matrix)
    lengths = [2, 10, 13, 40, 1]
    media = [torch.randn(length, 16) for length in lengths]
    counts = [soft_token_count(config, "image", medium.shape) for medium in media]
    soft = bridge(media, context)
    assert len(soft) == sum(counts)
    assert counts == COUNTS.get(name, lengths)
    alone = torch.cat([bridge([medium], context) for medium in media])
    torch.testing.assert_close(soft, alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted(BRIDGES))
@pytest.mark.parametrize(("modality", "shape"), [("image", (0, 16)), ("video", (0, 9, 16)), ("video", (3, 0, 16))])
def test_features_without_tokens_are_told(tiny, name, modality, shape):
    with pytest.raises(UsageError, match=re.escape(f"features of shape {shape}")):
        soft_token_count(tiny.config(name, shapes=tiny.shapes_of(name)), modality, shape)


def test_an_mlp_has_the_wanted_number_of_layers(tiny):
    config = tiny.config("mlp", layers=3)
    shapes = [tuple(p.shape) for p in build_bridge(config, "image").parameters() if p.ndim == 2]
    assert shapes == [(32, 16), (32, 32), (32, 32)]


QUERIED = {"tokens": st.integers(1, 5), "per_frame": st.booleans(), "norm": st.booleans()}
FORMS = {
    "avg-pool": st.fixed_dictionaries(
        {
            "variant": st.sampled_from(["gemma3", "perception-lm", "llava-onevision"]), "scale": st.integers(1, 3),
            "norm": st.booleans(),
        }
    ),
    "affine": st.fixed_dictionaries(
        {
            "variant": st.sampled_from(["tokens", "state", "objects"]), "tokens_per_object": st.integers(1, 3),
            "hidden": st.none() | st.just(5), "norm": st.booleans(),
        }
    ),
    "align": st.fixed_dictionaries(
        {"stride": st.integers(1, 5), "logits_norm": st.booleans(), "norm": st.booleans()}
    ),
    "attention-pool": st.fixed_dictionaries(
        {
            "scale": st.integers(1, 3), "heads": st.none() | st.just(2), "inner": st.none() | st.just(5),
            "norm": st.booleans(),
        }
    ),
    "c-abstractor": st.fixed_dictionaries(
        {
            "tokens": st.sampled_from([None, 1, 4]), "depth": st.integers(1, 2), "layers": st.integers(1, 2),
            "hidden": st.none() | st.just(6), "norm": st.booleans(),
        }
    ),
    "frame-stack": st.fixed_dictionaries(
        {
            "stride": st.integers(1, 7), "hidden": st.none() | st.just(5), "bias": st.booleans(), "norm": st.booleans(),
            "activation": st.sampled_from(["gelu", "relu"]), "remainder": st.sampled_from(["fill", "drop"]),
        }
    ),
    "latent-cross-attention": st.fixed_dictionaries({**QUERIED, "heads": st.none() | st.just(4)}),
    "ldp": st.fixed_dictionaries(
        {"variant": st.sampled_from(["v1", "v2"]), "tokens": st.sampled_from([None, 1, 4]), "norm": st.booleans()}
    ),
    "linear": st.fixed_dictionaries({"norm": st.booleans()}),
    "macaw": st.fixed_dictionaries(
        {
            "variant": st.sampled_from(["default", "paper"]), "image_tokens": st.none() | st.integers(1, 5),
            "audio_tokens": st.integers(1, 9), "video_tokens": st.integers(1, 9), "heads": st.just(4),
        }
    ),
    "mlp": st.fixed_dictionaries({"norm": st.booleans(), "layers": st.integers(1, 3)}),
    "patch": st.fixed_dictionaries(
        {
            "length": st.integers(1, 9), "stride": st.integers(1, 9), "padding": st.sampled_from(["end", "front"]),
            "channels": st.sampled_from(["auto", "independent", "mixed"]), "instance_norm": st.booleans(),
            "statistics": st.booleans(), "norm": st.booleans(),
        }
    ),
    "patch-merge": st.fixed_dictionaries({"stride": st.integers(1, 7), "norm": st.booleans()}),
    "pixel-shuffle": st.fixed_dictionaries(
        {
            "variant": st.sampled_from(["linear", "mlp", "merger", "swiglu"]), "scale": st.integers(1, 3),
            "norm": st.booleans(),
        }
    ),
    "pooled": st.fixed_dictionaries(
        {"tokens": st.integers(1, 5), "head": st.none() | st.just(5), "norm": st.booleans()}
    ),
    "q-former": st.fixed_dictionaries(
        {
            **QUERIED, "layers": st.integers(1, 3), "hidden": st.none() | st.just(12), "inner": st.none() | st.just(7),
            "cross_attention_every": st.integers(1, 3), "feature_norm": st.booleans(), "instruction": st.booleans(),
            "window": st.none() | st.integers(1, 5), "tail": st.sampled_from(["pad", "drop"]),
        }
    ),
    "query-decoder": st.fixed_dictionaries(
        {**QUERIED, "layers": st.integers(1, 2), "hidden": st.none() | st.just(12), "inner": st.none() | st.just(7)}
    ),
    "resampler": st.fixed_dictionaries(
        {
            **QUERIED, "layers": st.integers(1, 2), "heads": st.integers(1, 3), "head_size": st.integers(1, 5),
            "frames": st.none() | st.integers(1, 4), "activation": st.sampled_from(["gelu", "relu", "relu2"]),
        }
    ),
    "token-packer": st.fixed_dictionaries(
        {"scale": st.integers(1, 3), "hidden": st.none() | st.just(6), "heads": st.none() | st.just(2),
         "norm": st.booleans()}
    ),
    "ultravox": st.fixed_dictionaries(
        {
            "stride": st.integers(1, 7), "hidden": st.none() | st.just(6), "norm": st.booleans(),
            "norm_position": st.sampled_from(["middle", "end"]),
        }
    ),
    "upm": st.fixed_dictionaries(
        {
            "tokens": st.integers(1, 4), "width": st.none() | st.just(16), "experts": st.integers(1, 2),
            "layers": st.integers(1, 2), "heads": st.none() | st.just(4), "inner": st.none() | st.just(7),
            "frames": st.sampled_from(["mean", "all"]), "norm": st.booleans(),
        }
    ),
    "visual-vocabulary": st.fixed_dictionaries(
        {
            "words": st.integers(2, 9), "scale": st.integers(1, 3), "norm": st.booleans(),
            "choice": st.sampled_from(["softmax", "gumbel", "straight-through"]),
        }
    ),
}  # fmt: skip


@st.composite
def bridged(draw, name, on_grid):
    """A modality, a configuration with this design for shapes of any size, and media of other sizes."""
    modality = draw(st.sampled_from(["image", "audio", "video"]))
    size = st.integers(1, 9)
    tokens = st.integers(1, 3).map(lambda side: side * side) if on_grid and modality != "audio" else size
    shapes = [[*([draw(size)] if modality == "video" else []), draw(tokens), 8] for _ in range(draw(st.integers(2, 4)))]
    return modality, shapes[0], shapes[1:], draw(FORMS[name])


@pytest.mark.parametrize("name", sorted(BRIDGES))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_options_and_shapes_make_as_many_finite_soft_tokens_as_is_said(tiny, name, data):
    modality, usual, shapes, options = data.draw(bridged(name, name in tiny.on_grids))
    try:
        model = tiny.model(name, shapes={modality: tuple(usual)}, **options)
    except UsageError:  # more soft tokens than there are feature tokens
        assert name == "macaw" and options[f"{modality}_tokens"] > prod(usual[:-1])
        return
    bridge, config, generator = model.fusion.bridges[modality], model.config, torch.Generator().manual_seed(0)
    media = [torch.randn(shape, generator=generator) for shape in shapes]
    context = BridgeContext(torch.randn(60, 32, generator=generator))
    counts = [soft_token_count(config, modality, shape) for shape in shapes]
    soft = bridge(media, context)
    assert soft.shape == (sum(counts), 32)
    assert torch.isfinite(soft).all()
    alone = [bridge([medium], context) for medium in media]
    assert [len(one) for one in alone] == counts
    torch.testing.assert_close(soft, torch.cat(alone), rtol=1e-4, atol=1e-5)


def test_every_modality_has_the_bridge_of_its_design(tiny):
    designs = BridgePerModality(image=LinearBridgeSettings(), audio=FrameStackBridgeSettings(stride=3))
    model = tiny.model(designs)
    kinds = {name: type(bridge).__name__ for name, bridge in model.fusion.bridges.items()}
    assert kinds == {"image": "LinearBridge", "audio": "FrameStackBridge", "video": "MacawBridge"}
    counts = {name: soft_token_count(model.config, name, shape) for name, shape in tiny.shapes.items()}
    assert (counts["image"], counts["audio"]) == (10, 10)
    media = {name: tiny.features(name) for name in kinds}
    soft = model.fusion.bridges(media, model.embedding_matrix)
    assert [len(one) for one in soft] == list(counts.values())


def test_the_bridge_of_every_modality_is_saved_with_the_model(tiny, tmp_path):
    from macaw_cli.model.modeling import MacawForConditionalGeneration

    model = tiny.model(BridgePerModality(audio=FrameStackBridgeSettings(stride=3, norm=False)))
    model.save_pretrained(tmp_path)
    loaded = MacawForConditionalGeneration.from_pretrained(tmp_path)
    assert loaded.config.bridge_settings("audio") == FrameStackBridgeSettings(stride=3, norm=False)
    assert loaded.config.bridge_settings("image") == MacawBridgeSettings()
    assert loaded.config.bridge == model.config.bridge
    other = tiny.config(BridgePerModality(audio=FrameStackBridgeSettings(stride=4, norm=False)))
    assert other.bridge != model.config.bridge
    assert all(torch.equal(one, two) for one, two in zip(loaded.parameters(), model.parameters(), strict=True))


def test_the_configuration_of_an_older_model_is_read(tiny, tmp_path):
    """Before designs had settings of their own, all of them stood in every model."""
    tiny.config("mlp", layers=3).save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    content = json.loads(file.read_text())
    content["bridge"] = {
        "name": "mlp", "variant": "default", "image_tokens": None, "audio_tokens": None, "video_tokens": None,
        "heads": 8, "dropout": 0.1, "layers": 3,
    }  # fmt: skip
    file.write_text(json.dumps(content))
    read = MacawConfig.from_pretrained(tmp_path)
    assert read.bridge_settings("video") == MlpBridgeSettings(layers=3)
    assert soft_token_count(read, "video", (3, 10, 16)) == 30
