"""Which loaders take a bridge as it is, and the reason where they do not."""

import pytest
from transformers import LlamaConfig

from macaw_cli.config.bridges.designs import design
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.config.injections.gated_cross_attention import GatedCrossAttentionSettings
from macaw_cli.config.injections.none import NoInjectionSettings
from macaw_cli.config.view_settings import AudioView, ImageView, ViewSettings
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.planning.export_targets import export_lines, export_targets, format_targets

LLAVA = {"layer": -2, "projection": False}
CLIP = "CLIPVisionModelWithProjection"


def targets(bridge, modality="image", encoder=CLIP, settings=None, *, also=(), injection=None, views=None, **more):
    """Loader to obstacles, of a model with one bridge for every modality."""
    sizes = {"image": (16, 8), "audio": (20, 8), "video": (2, 16, 8)}
    names = [modality, *also]
    config = MacawConfig.for_llm(
        LlamaConfig(vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2),
        bridge, {name: sizes[name] for name in names},
        {("audio" if modality == "audio" else "image"): EncoderSettings(**(settings or {}))},
        {name: {"architecture": encoder, **more} for name in names},
        injection=injection or NoInjectionSettings(), views=views or ViewSettings(),
    )  # fmt: skip
    return {one.loader: one.obstacles for one in export_targets(config) if one.modality == modality}


def test_llavas_projector_on_clip_is_taken_as_it_is():
    assert targets(design("mlp"), settings=LLAVA) == {"LlavaForConditionalGeneration": ()}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bridge": design("mlp", norm=True)}, "bridge.norm must be false"),
        ({"bridge": design("mlp", layers=3)}, "bridge.layers must be 2"),
        ({"encoder": "Dinov2Model"}, "Dinov2Model"),
        ({"settings": {"layer": -2}}, "features.image_encoder.projection must be false"),
        ({"settings": {**LLAVA, "layer": (-2, -5)}}, "features.image_encoder.layer must be"),
        ({"settings": {**LLAVA, "pool": "2x2"}}, "features.image_encoder.pool"),
        ({"also": ["audio"]}, "no audio"),
        ({"modality": "video"}, "reads image only"),
        ({"views": ViewSettings(image=ImageView(pool=2))}, "views.image"),
        ({"injection": GatedCrossAttentionSettings(every=1)}, "no injection"),
    ],
)
def test_what_is_not_as_in_the_original_is_named(options, words):
    told = targets(**{"bridge": design("mlp"), "settings": LLAVA, **options})
    assert all(any(words in reason for reason in reasons) for reasons in told.values()) and told
    whose = ("the model", "the loader", "bridge.", "features.", "views.")
    assert all(reason.startswith(whose) for reasons in told.values() for reason in reasons)


def test_a_tower_without_projection_needs_no_setting_that_leaves_it_out():
    siglip = targets(design("mlp"), encoder="SiglipVisionModel", settings={"layer": -2})
    assert siglip == {"LlavaForConditionalGeneration": ()}


def test_a_padded_window_is_not_how_ultravox_hears():
    bridge, encoder = design("ultravox", norm=False), {"modality": "audio", "encoder": "WhisperEncoder"}
    own = targets(bridge, **encoder, settings={"projection": False}, preprocessing={"window_seconds": 30.0})
    padded = targets(bridge, **encoder, settings={"projection": False}, preprocessing={"chunk_length": 30})
    assert own == {"UltravoxModel": ()} and "own length" in padded["UltravoxModel"][0]


def test_a_design_that_no_loader_knows_can_only_be_exported_by_macaw():
    assert targets(design("macaw")) == {}


def test_the_lines_of_the_plan_tell_what_takes_the_model_and_why_others_do_not(byte_tokenizer):
    config = MacawConfig.for_llm(
        LlamaConfig(vocab_size=len(byte_tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2),
        design("mlp"), {"image": (16, 8)}, {"image": EncoderSettings(layer=-3, projection=False)},
        {"image": {"architecture": CLIP}}, views=ViewSettings(audio=AudioView(pool=2)),
    )  # fmt: skip
    formats = format_targets(ConversationEncoder(byte_tokenizer, config))
    told = {one.format: one.obstacles for one in formats}
    assert told["hf"] == () == told["llava"]
    first, *others = export_lines(formats, export_targets(config))
    assert "gguf without image (" in first and ", hf, llava" in first
    assert "LlavaForConditionalGeneration" not in first, "its format stands there"
    assert all(line.startswith("  not ") for line in others)
    gguf = next(one for one in formats if one.format == "gguf")
    assert gguf.obstacles == () and "SiglipVisionModel" in gguf.as_json()["losses"]["image"][0]


def test_a_template_that_a_folder_cannot_have_is_told_as_well(byte_tokenizer):
    config = MacawConfig.for_llm(
        LlamaConfig(vocab_size=len(byte_tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2),
        design("mlp"), {"image": (16, 8)}, {"image": EncoderSettings(layer=-2, projection=False)},
        {"image": {"architecture": CLIP}},
    )  # fmt: skip
    told = {one.format: one for one in format_targets(ConversationEncoder(byte_tokenizer, config, "as_published"))}
    assert "as_published" in told["llava"].obstacles[0] and told["llava"].as_json()["loader"].startswith("Llava")
    lost = [why for one in told.values() for _, reasons in one.losses for why in reasons]
    reasons = [*lost, *(reason for one in told.values() for reason in one.obstacles)]
    assert reasons and not any(reason.startswith(("it ", "its ")) for reason in reasons)
