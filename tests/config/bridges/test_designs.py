"""`bridge:`: one design with options of its own, or one design per modality."""

from dataclasses import asdict, fields

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from macaw_cli.basics.errors import MismatchError, UsageError
from macaw_cli.config.bridges.designs import (
    UNITED_FIELDS,
    BridgePerModality,
    bridge_in_words,
    bridge_label,
    design,
    design_of,
    read_bridge,
    without_foreign,
)
from macaw_cli.config.bridges.frame_stack import FrameStackBridgeSettings
from macaw_cli.config.bridges.linear import LinearBridgeSettings
from macaw_cli.config.bridges.macaw import MacawBridgeSettings
from macaw_cli.config.bridges.mlp import MlpBridgeSettings
from macaw_cli.config.bridges.table import DESIGNS
from macaw_cli.config.loading import open_workspace, parse_settings, settings_yaml
from macaw_cli.modalities.table import MODALITIES as EVERY

MODALITIES = ("image", "audio", "video")


def bridge(text, *overrides, **options):
    """`bridge` of a `macaw.yaml` with overrides typed after it."""
    return opened(text, *overrides, **options).bridge


def opened(text, *overrides, folder=None, options=None):
    (folder / "macaw.yaml").write_text(text)
    return open_workspace(folder, overrides, options=options).settings


@pytest.fixture
def read(tmp_path):
    return lambda text, *overrides, **options: bridge(text, *overrides, folder=tmp_path, **options)


@pytest.mark.parametrize("name", sorted(DESIGNS))
def test_a_name_alone_is_a_design_with_its_defaults(read, name):
    assert read(f"bridge: {name}") == read(f"bridge: {{name: {name}}}") == DESIGNS[name]() == design(name)


@pytest.mark.parametrize(
    ("text", "key", "possible"),
    [
        ("{name: linear, image_tokens: 5}", "bridge.image_tokens", "bridge.norm"),
        ("{name: linear, variant: paper}", "bridge.variant", "bridge.norm"),
        ("{layers: 3}", "bridge.layers", "bridge.image_tokens"),
        ("{name: mlp, layer: 3}", "bridge.layer", "bridge.layers"),
        ("{audio: {name: frame-stack, strid: 3}}", "bridge.audio.strid", "bridge.audio.stride"),
        ("{audio: mlp, layers: 3}", "bridge.layers", "bridge.image"),
        ("{imagee: mlp}", "bridge.imagee", "bridge.image"),
        (f"{{name: mlp, {', '.join(f'{name}: mlp' for name in EVERY)}}}", "bridge.name", "bridge.audio"),
    ],
)
def test_an_option_of_another_design_is_an_unknown_key(read, text, key, possible):
    with pytest.raises(UsageError) as caught:
        read(f"bridge: {text}")
    assert f"unknown key `{key}`" in caught.value.problem
    assert f"`{possible}`" in caught.value.problem.partition("(")[2]


@pytest.mark.parametrize(
    ("text", "key", "found"),
    [
        ("lineer", "bridge.name", "'lineer' (did you mean `linear`"),
        ("perceiver", "bridge.name", "'perceiver' (did you mean `resampler`"),
        ("LLaVA", "bridge.name", "'LLaVA' (did you mean `linear` or `mlp`"),
        ("blip2", "bridge.name", "'blip2' (did you mean `q-former`"),
        ("{name: 3}", "bridge.name", "3"),
        ("{name: [mlp]}", "bridge.name", "['mlp']"),
        ("{audio: framestack}", "bridge.audio.name", "'framestack' (did you mean `frame-stack`"),
        ("{audio: {name: frame-stack, stride: 0}}", "bridge.audio.stride", "0"),
        ("{audio: 3}", "bridge.audio", "3"),
        ("[mlp]", "bridge", "['mlp']"),
    ],
)
def test_a_wrong_value_is_told_with_its_dotted_key(read, text, key, found):
    with pytest.raises(UsageError) as caught:
        read(f"bridge: {text}")
    assert f"`{key}`: " in caught.value.problem
    assert f"found {found}" in caught.value.problem


def test_modalities_that_are_not_named_take_the_default_design(read):
    given = read("bridge: {image: mlp, audio: {name: frame-stack, stride: 8}}")
    assert given == BridgePerModality(image=MlpBridgeSettings(), audio=FrameStackBridgeSettings(stride=8))
    assert design_of(given, "video") == MacawBridgeSettings()
    assert design_of(MlpBridgeSettings(), "video") == MlpBridgeSettings()


@pytest.mark.parametrize(
    ("text", "overrides", "expected"),
    [
        ("", ["bridge=mlp"], MlpBridgeSettings()),
        ("bridge: linear", ["bridge.norm=true"], LinearBridgeSettings(norm=True)),
        ("bridge: {image_tokens: 8, heads: 4}", ["bridge.heads=2"], MacawBridgeSettings(image_tokens=8, heads=2)),
        ("bridge: {image_tokens: 8}", ["bridge.name=macaw"], MacawBridgeSettings(image_tokens=8)),
        ("bridge: {image_tokens: 8}", ["bridge.name=linear"], LinearBridgeSettings()),
        ("bridge: {name: macaw, heads: 4}", ["bridge.layers=3", "bridge=mlp"], MlpBridgeSettings(layers=3)),
        ("bridge: {image: linear}", ["bridge=mlp"], MlpBridgeSettings()),
        ("bridge: {image: linear}", ["bridge.name=macaw"], MacawBridgeSettings()),
        (
            "bridge: {image: linear, audio: frame-stack}",
            ["bridge.audio.stride=8", "bridge.video=mlp"],
            BridgePerModality(
                image=LinearBridgeSettings(), audio=FrameStackBridgeSettings(stride=8), video=MlpBridgeSettings()
            ),
        ),
        (
            "bridge: {name: mlp, layers: 3}",
            ["bridge.audio.stride=8", "bridge.audio=frame-stack"],
            BridgePerModality(
                **dict.fromkeys(EVERY, MlpBridgeSettings(layers=3)) | {"audio": FrameStackBridgeSettings(stride=8)}
            ),
        ),
    ],
)
def test_another_design_starts_with_its_defaults_and_the_same_keeps_its_options(read, text, overrides, expected):
    assert read(text, *overrides) == expected


def test_a_typed_option_of_another_design_is_not_dropped_in_silence(read):
    for overrides in (["bridge.image_tokens=8", "bridge=linear"], ["bridge=linear", "bridge.image_tokens=8"]):
        with pytest.raises(UsageError, match=r"bridge\.image_tokens") as caught:
            read("", *overrides)
        assert "In --set bridge.image_tokens=8" in caught.value.problem
    with pytest.raises(UsageError, match=r"bridge\.image_tokens"):
        read("", "bridge.image_tokens=8", options={"bridge.name=linear": "--bridge"})


@st.composite
def designs(draw):
    name = draw(st.sampled_from(sorted(DESIGNS)))
    options = {
        "stride": st.integers(1, 9), "hidden": st.none() | st.sampled_from([2, 8]), "bias": st.booleans(),
        "norm": st.booleans(), "layers": st.integers(1, 4), "heads": st.integers(1, 4),
        "audio_tokens": st.none() | st.integers(1, 9), "dropout": st.floats(0, 0.9),
    }  # fmt: skip
    own = {field.name for field in fields(DESIGNS[name])}
    return design(name, **{key: draw(value) for key, value in options.items() if key in own})


@given(one=designs(), several=st.fixed_dictionaries({name: designs() for name in MODALITIES}))
def test_every_bridge_is_written_to_settings_and_models_and_read_back(one, several):
    per_modality = BridgePerModality(**several)
    for given_bridge in (one, per_modality):
        tree = {"bridge": asdict(given_bridge)}
        read_back = parse_settings(tree, "test")
        assert read_back.bridge == given_bridge
        assert parse_settings(yaml.safe_load(settings_yaml(read_back)), "test").bridge == given_bridge
        for modality in MODALITIES:
            assert read_bridge(tree["bridge"], modality) == design_of(given_bridge, modality)


def test_bridges_saved_when_all_designs_shared_their_settings_are_read():
    united = {name: None for name in UNITED_FIELDS} | {"variant": "default", "heads": 4, "dropout": 0.2, "layers": 3}
    assert read_bridge({**united, "name": "mlp"}, "audio") == MlpBridgeSettings(layers=3)
    assert read_bridge({**united, "name": "macaw"}, "image") == MacawBridgeSettings(heads=4, dropout=0.2)
    assert without_foreign({**united, "name": "linear"}) == {"name": "linear"}
    assert read_bridge({}, "image") == MacawBridgeSettings()


def test_options_of_other_designs_are_dropped_from_a_saved_bridge_that_has_not_all_of_them():
    assert read_bridge({"name": "mlp", "heads": 8, "norm": True}, "audio") == MlpBridgeSettings(norm=True)
    assert read_bridge({"heads": 4, "layers": 2}, "image") == MacawBridgeSettings(heads=4)
    assert without_foreign({"name": "linear", "variant": "paper", "new": 1}) == {"name": "linear", "new": 1}


@pytest.mark.parametrize(
    ("saved", "told"),
    [
        ({"name": "linear", "depth": 5}, "depth"),
        ({"name": "of-tomorrow"}, "of-tomorrow"),
        ({"image": {"name": "mlp"}, "audio": {"name": "linear", "depth": 2}}, "depth"),
    ],
)
def test_a_saved_bridge_that_this_macaw_does_not_know_is_told(saved, told):
    with pytest.raises(MismatchError, match=told):
        read_bridge(saved, "audio")


def test_a_bridge_is_named_by_its_designs():
    mixed = BridgePerModality(image=MlpBridgeSettings(), audio=FrameStackBridgeSettings(), video=MlpBridgeSettings())
    assert bridge_label(mixed) == "mlp-frame-stack"
    assert bridge_label(LinearBridgeSettings()) == "linear"
    assert (bridge_label(mixed, ["series"]), bridge_label(MacawBridgeSettings(), ["series"])) == ("patch", "patch")
    assert bridge_label(MacawBridgeSettings(heads=4), ["series"]) == "macaw"
    assert bridge_in_words(asdict(mixed)) == "mlp (image), frame-stack (audio), mlp (video)"
    assert bridge_in_words(asdict(mixed), ["image", "video"]) == "mlp"
    assert bridge_in_words({"name": "linear"}, ["image"]) == "linear"
    assert bridge_in_words("?") == "?"
