import numpy as np
import pytest
import torch
from PIL import Image

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.loading import load_image_encoder
from macaw_cli.encoders.source import quiet_transformers


def load(folder, **settings):
    return load_image_encoder(EncoderSettings(**settings), str(folder), "cpu", "fp32")


@pytest.fixture(scope="module")
def encoder(clip_folder):
    return load(clip_folder)


@pytest.fixture(scope="module")
def images():
    generator = np.random.default_rng(0)
    return [Image.fromarray(generator.integers(0, 256, (70 + 9 * i, 90, 3), dtype=np.uint8)) for i in range(3)]


@pytest.fixture(scope="module")
def states(encoder, images):
    with torch.inference_mode():
        return encoder.model.vision_model(encoder.prepare(images), output_hidden_states=True).hidden_states


def test_the_default_is_the_published_choice(encoder, images, states):
    features = encoder.encode(encoder.prepare(images))
    expected = encoder.model.visual_projection(states[-1][:, 1:])
    torch.testing.assert_close(features, expected, rtol=0, atol=0)
    assert features.shape == (3, 64, 24) == (3, *encoder.feature_shape)


@pytest.mark.parametrize("cls, tokens", [("drop", 64), ("keep", 65), ("only", 1)])
def test_the_class_token_is_dropped_kept_or_alone(clip_folder, images, states, cls, tokens):
    encoder = load(clip_folder, cls=cls, projection=False)
    features = encoder.encode(encoder.prepare(images))
    assert encoder.feature_shape == (tokens, 48)
    kept = {"drop": slice(1, None), "keep": slice(None), "only": slice(1)}[cls]
    torch.testing.assert_close(features, states[-1][:, kept])


def test_the_second_last_layer_is_the_one_llava_takes(clip_folder, images, states):
    encoder = load(clip_folder, layer=-2, projection=False)
    torch.testing.assert_close(encoder.encode(encoder.prepare(images)), states[-2][:, 1:])


def test_post_layernorm_and_l2_apply_to_every_token(clip_folder, images, states):
    encoder = load(clip_folder, post_layernorm=True, l2=True, projection=False)
    features = encoder.encode(encoder.prepare(images))
    expected = encoder.model.vision_model.post_layernorm(states[-1][:, 1:])
    torch.testing.assert_close(features, expected / expected.norm(dim=-1, keepdim=True))


def test_a_layer_the_encoder_lacks_is_a_usage_error(clip_folder):
    with pytest.raises(UsageError, match=r"features\.image_encoder\.layer.*-3.*2"):
        _ = load(clip_folder, layer=-7).feature_shape


def test_preprocessing_equals_the_one_of_transformers_bit_for_bit(clip_folder, encoder, images):
    from transformers import CLIPImageProcessorPil

    processor = CLIPImageProcessorPil.from_pretrained(clip_folder)
    expected = processor(images=images, return_tensors="pt")["pixel_values"]
    assert torch.equal(encoder.prepare(images), expected)
    fitted = [processor(images=[image], do_rescale=False, do_normalize=False, return_tensors="np") for image in images]
    pixels = np.stack([made["pixel_values"][0].transpose(1, 2, 0).astype(np.uint8) for made in fitted])
    assert torch.equal(encoder.normalised(encoder.prepare_fitted(pixels)), expected)
    assert torch.equal(encoder.encode(encoder.prepare_fitted(pixels)), encoder.encode(expected))


def test_the_tower_alone_and_inside_a_whole_clip_have_one_fingerprint(clip_folder, encoder, tmp_path):
    with quiet_transformers():
        encoder.model.save_pretrained(tmp_path / "tiny-clip")
    encoder.processor.save_pretrained(tmp_path / "tiny-clip")
    assert load(tmp_path / "tiny-clip").fingerprint == encoder.fingerprint


def test_a_tower_that_was_saved_without_its_projection_gives_the_same_states_and_no_projection(
    clip_folder, encoder, images, tmp_path
):
    with quiet_transformers():
        encoder.model.vision_model.save_pretrained(tmp_path / "tower")
    encoder.processor.save_pretrained(tmp_path / "tower")
    alone, whole = load(tmp_path / "tower", layer=-2, projection=False), load(clip_folder, layer=-2, projection=False)
    assert torch.equal(alone.encode(alone.prepare(images)), whole.encode(whole.prepare(images)))
    with pytest.raises(UsageError, match=r"features\.image_encoder\.projection"):
        load(tmp_path / "tower")


def test_the_fingerprint_names_what_made_the_features_and_no_path(encoder, clip_folder):
    import json

    assert encoder.fingerprint["model"] == "tiny-clip"
    assert encoder.fingerprint["preprocessing"]["crop_size"] == {"height": 64, "width": 64}
    assert str(clip_folder.parent) not in json.dumps(encoder.fingerprint)
    assert load(clip_folder, cls="keep").fingerprint != encoder.fingerprint


def test_a_folder_without_processor_files_gets_the_size_of_the_tower(encoder, tmp_path):
    with quiet_transformers():
        encoder.model.save_pretrained(tmp_path)
    assert load(tmp_path).fingerprint["preprocessing"] == encoder.fingerprint["preprocessing"]


def test_bf16_computes_nearly_the_same(clip_folder, encoder, images):
    half = load_image_encoder(EncoderSettings(), str(clip_folder), "cpu", "bf16")
    ours, exact = half.encode(half.prepare(images)), encoder.encode(encoder.prepare(images))
    assert ours.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(ours, exact, dim=-1).min() > 0.99
