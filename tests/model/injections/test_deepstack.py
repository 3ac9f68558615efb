"""`deepstack`: equal to Qwen3-VL's mergers and to what its language model does with them."""

import pytest
import torch
from tiny_llms import LLMS
from torch.utils.flop_counter import FlopCounterMode
from transformers import Qwen3VLTextConfig, Qwen3VLTextModel, Qwen3VLVisionConfig
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionPatchMerger

from macaw_cli.basics.errors import MismatchError, UsageError
from macaw_cli.config.bridges.designs import design
from macaw_cli.config.injections.deepstack import DeepstackSettings
from macaw_cli.model.bridges.registry import soft_token_count
from macaw_cli.model.modeling import MacawForConditionalGeneration

SHUFFLED = design("pixel-shuffle", scale=2)


def opened(model):
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.injection.parameters():
            parameter.normal_(std=0.3)
    return model


def of_images(tiny, shape, settings, bridge="linear", llm=None):
    """A model that has only images, of this shape."""
    return opened(tiny.model(bridge, llm=llm, shapes={"image": shape}, injection=settings))


def largest_difference(found, expected):
    return (found - expected).abs().max() / expected.abs().max()


def test_what_is_added_and_its_gradients_are_those_of_qwens_mergers(tiny):
    model = of_images(tiny, (3 * 16, 8), DeepstackSettings(layers=3, scale=2), SHUFFLED)
    torch.manual_seed(0)
    features = torch.randn(3 * 16, 8)
    soft = torch.zeros(4, 32)
    found = model.injection.beside({"image": soft}, {"image": [features]})["image"][:, 32:].chunk(2, dim=-1)
    config = Qwen3VLVisionConfig(hidden_size=8, spatial_merge_size=2, out_hidden_size=32)
    for number, merger in enumerate(model.injection.mergers["image"]):
        original = Qwen3VLVisionPatchMerger(config, use_postshuffle_norm=True)
        original.load_state_dict(merger.state_dict())
        layer = features[16 * number : 16 * (number + 1)].view(2, 2, 2, 2, 8)  # by rows; Qwen's come window by window
        expected = original(layer.transpose(1, 2).reshape(16, 8))
        assert largest_difference(found[number], expected) < 1e-5
        got = torch.autograd.grad(found[number].square().sum(), list(merger.parameters()))
        wanted = torch.autograd.grad(expected.square().sum(), list(original.parameters()))
        assert all(largest_difference(*pair) < 1e-5 for pair in zip(got, wanted, strict=True))


def test_the_llm_computes_what_qwens_does_with_the_same_features(tiny):
    model = of_images(tiny, (3 * 5, 8), DeepstackSettings(layers=3), llm=LLMS["qwen3"])
    ids = torch.tensor([tiny.sequence(model.config, 1, "image", 5, "image", 6)])
    torch.manual_seed(0)
    fused = model.fuse_inputs(ids, image_features=list(torch.randn(2, 15, 8)))
    text = LLMS["qwen3"].to_dict()
    names = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
             "num_key_value_heads", "head_dim", "max_position_embeddings", "rms_norm_eps")  # fmt: skip
    rope = {**text["rope_parameters"], "mrope_section": [2, 1, 1]}
    original = Qwen3VLTextModel(Qwen3VLTextConfig(**{name: text[name] for name in names}, rope_parameters=rope)).eval()
    original.load_state_dict(model.language_model.model.state_dict())
    with torch.no_grad():
        expected = original(
            inputs_embeds=fused.inputs_embeds, visual_pos_masks=ids == model.config.soft_token_ids["image"],
            deepstack_visual_embeds=list(fused.media.tokens[:, 32:].chunk(2, dim=-1)),
        ).last_hidden_state  # fmt: skip
        found = model(inputs_embeds=fused.inputs_embeds, bound_media=fused.media).logits
        plain = model.language_model(inputs_embeds=fused.inputs_embeds).logits
        assert largest_difference(found, model.language_model.lm_head(expected)) < 1e-5
    assert largest_difference(plain, found) > 1e-2


def test_the_bridge_reads_the_last_layer_alone(tiny):
    model, other = of_images(tiny, (10, 8), DeepstackSettings(layers=2)), tiny.model("linear", shapes={"image": (5, 8)})
    other.load_state_dict(model.state_dict(), strict=False)
    ids = torch.tensor([tiny.sequence(model.config, 1, "image", 5)])
    assert ids.tolist() == [tiny.sequence(other.config, 1, "image", 5)]
    features = torch.randn(10, 8)
    whole, last = (one.fuse_inputs(ids, image_features=[some]).inputs_embeds
                   for one, some in ((model, features), (other, features[5:])))  # fmt: skip
    assert torch.equal(whole, last)
    assert [soft_token_count(one.config, "image", (10, 8)) for one in (model, other)] == [5, 10]


def test_videos_and_shuffled_tokens_are_saved_and_loaded(tiny, tmp_path):
    shapes = {"image": (2 * 16, 8), "video": (3, 2 * 16, 8), "audio": (30, 12)}
    model = opened(tiny.model(SHUFFLED, shapes=shapes, injection=DeepstackSettings(layers=2, scale=2)))
    assert list(model.injection.mergers) == ["image", "video"]
    model.save_pretrained(tmp_path)
    loaded = MacawForConditionalGeneration.from_pretrained(tmp_path).eval()
    ids = torch.tensor([tiny.sequence(model.config, 1, "video", 5, "audio", 6)])
    media = {"video_features": torch.randn(1, 3, 32, 8), "audio_features": torch.randn(1, 30, 12)}
    with torch.no_grad():
        assert torch.equal(loaded(input_ids=ids, **media).logits, model(input_ids=ids, **media).logits)


def test_operations_are_counted_as_torch_counts_them(tiny):
    model = of_images(tiny, (10, 8), DeepstackSettings(layers=2))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.injection.beside({"image": torch.zeros(5, 32)}, {"image": [torch.randn(10, 8)]})
    assert counter.get_total_flops() == model.injection.extra_operations(model.config, 7, [5])


@pytest.mark.parametrize(
    ("shape", "settings", "bridge"),
    [((10, 8), DeepstackSettings(layers=3), "linear"), ((32, 8), DeepstackSettings(layers=2, scale=2), "linear"),
     ((32, 8), DeepstackSettings(layers=2), SHUFFLED), ((20, 8), DeepstackSettings(layers=4), "linear"),
     ((10, 8), DeepstackSettings(layers=2, scale=2), "linear")],
    ids=["other layers", "fewer rows", "more rows", "a small llm", "no grid"],
)  # fmt: skip
def test_features_bridges_and_llms_that_do_not_fit_are_refused(tiny, shape, settings, bridge):
    with pytest.raises(UsageError):
        tiny.config(bridge, shapes={"image": shape}, injection=settings)
        tiny.model(bridge, shapes={"image": shape}, injection=settings)


@pytest.mark.parametrize("layer", [-1, [4, -1], [2, 4, 6, 8, -1]])
def test_features_of_other_layers_are_refused_though_their_tokens_can_be_divided(tiny, layer):
    config = tiny.config("linear", shapes={"image": (30, 8)}, injection=DeepstackSettings(layers=3))
    config.fingerprints = {"image": {"layer": [2, 4, -1]}}
    MacawForConditionalGeneration(config)
    config.fingerprints = {"image": {"layer": layer}}
    with pytest.raises(UsageError, match=r"features\.image_encoder\.layer"):
        MacawForConditionalGeneration(config)


def test_a_model_without_images_is_refused(tiny):
    with pytest.raises(UsageError, match="images"):
        tiny.model("linear", shapes={"audio": (30, 12)}, injection=DeepstackSettings(layers=2))


def test_an_llm_whose_layers_cannot_be_told_is_refused(tiny):
    model = of_images(tiny, (10, 8), DeepstackSettings(layers=2))
    with pytest.raises(MismatchError, match="1"):
        model.injection.attach(torch.nn.Linear(2, 2))


def test_media_of_which_the_bridge_makes_another_number_are_refused(tiny):
    model = of_images(tiny, (10, 8), DeepstackSettings(layers=2))
    with pytest.raises(MismatchError, match="4"):
        model.injection.beside({"image": torch.zeros(4, 32)}, {"image": [torch.randn(10, 8)]})
