"""Every architecture: found by its configuration alone, and equal to what transformers computes."""

import json

import numpy as np
import pytest
import tiny_encoders
import torch
from torch.nn.functional import cosine_similarity

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.architectures import ARCHITECTURES, encoder_class
from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.media.images import fit_image

SHAPES = {
    "clip": (16, 24), "siglip": (16, 32), "siglip_tower": (16, 32), "siglip2": (20, 32), "dinov2": (4, 32),
    "dinov2_with_registers": (4, 32), "whisper": (100, 32), "whisper128": (100, 32), "wav2vec2": (1499, 32),
    "wav2vec2_stable": (1499, 32), "hubert": (1499, 32), "wavlm": (1499, 32), "wav2vec2_bert": (1499, 32),
}  # fmt: skip
FITTED = [kind for kind in tiny_encoders.IMAGE_KINDS if kind != "siglip2"]
SPEECH = [kind for kind in tiny_encoders.AUDIO_KINDS if not kind.startswith("whisper")]


@pytest.fixture(scope="module")
def load(checkpoint):
    def loaded(kind, precision="fp32", **settings):
        image = kind in tiny_encoders.IMAGE_KINDS
        chosen = EncoderSettings(**({"projection": image} | settings))
        return (load_image_encoder if image else load_audio_encoder)(chosen, checkpoint(kind), "cpu", precision)

    return loaded


@pytest.mark.parametrize("kind", tiny_encoders.IMAGE_KINDS + tiny_encoders.AUDIO_KINDS)
def test_an_encoder_is_found_by_its_configuration(load, checkpoint, kind):
    encoder = load(kind)
    assert encoder.feature_shape == SHAPES[kind]
    assert encoder.fingerprint["model"] == kind
    assert checkpoint(kind) not in json.dumps(encoder.fingerprint)


def test_the_registry_names_classes_that_are_there():
    for section, known in ARCHITECTURES.items():
        for model_type in known:
            assert encoder_class(section, model_type).section == section


@pytest.mark.parametrize("kind", FITTED)
def test_images_are_prepared_bit_for_bit_as_by_transformers(load, checkpoint, pictures, kind):
    from transformers import AutoImageProcessor

    with quiet_transformers():
        processor = AutoImageProcessor.from_pretrained(checkpoint(kind), backend="pil")
    expected = processor(images=pictures, return_tensors="pt")["pixel_values"]
    encoder = load(kind)
    assert torch.equal(encoder.prepare(pictures), expected)
    fitted = encoder.prepare_fitted(np.stack([np.asarray(fit_image(one, encoder.geometry)) for one in pictures]))
    assert fitted.dtype == torch.uint8
    assert torch.equal(encoder.normalised(fitted), expected)
    assert torch.equal(encoder.encode(fitted), encoder.encode(expected))


@pytest.mark.parametrize("kind", ["siglip", "siglip_tower"])
def test_siglip_takes_the_states_before_or_after_the_last_norm(load, pictures, kind):
    encoder = load(kind)
    with torch.inference_mode():
        output = encoder.model(encoder.prepare(pictures), output_hidden_states=True)
    torch.testing.assert_close(encoder.encode(encoder.prepare(pictures)), output.hidden_states[-1])
    normed = load(kind, post_layernorm=True)
    torch.testing.assert_close(normed.encode(normed.prepare(pictures)), output.last_hidden_state)
    head = load(kind, pool="head")
    assert head.feature_shape == (1, 32)
    torch.testing.assert_close(head.encode(head.prepare(pictures))[:, 0], output.pooler_output)


@pytest.mark.parametrize("kind", ["dinov2", "dinov2_with_registers"])
def test_dinov2_gives_patches_without_registers_and_the_class_token_on_demand(load, pictures, kind):
    encoder = load(kind)
    with torch.inference_mode():
        output = encoder.model(encoder.prepare(pictures), output_hidden_states=True)
    torch.testing.assert_close(encoder.encode(encoder.prepare(pictures)), output.hidden_states[-1][:, -4:])
    kept = load(kind, cls="keep", post_layernorm=True)
    expected = torch.cat([output.last_hidden_state[:, :1], output.last_hidden_state[:, -4:]], dim=1)
    torch.testing.assert_close(kept.encode(kept.prepare(pictures)), expected)
    only = load(kind, cls="only", post_layernorm=True)
    torch.testing.assert_close(only.encode(only.prepare(pictures))[:, 0], output.pooler_output)


def test_naflex_gives_each_image_the_patches_that_its_proportions_ask_for(load, checkpoint, pictures):
    from transformers import Siglip2ImageProcessorPil

    made = Siglip2ImageProcessorPil.from_pretrained(checkpoint("siglip2"))(images=pictures, return_tensors="pt")
    encoder = load("siglip2")
    with torch.inference_mode():
        output = encoder.model(**made, output_hidden_states=True)
    counts = made["spatial_shapes"].prod(-1).tolist()
    assert len(set(counts)) > 1
    prepared = encoder.prepare(pictures)
    for number, (patches, count) in enumerate(zip(prepared, counts, strict=True)):
        assert torch.equal(patches.flatten(0, 1), made["pixel_values"][number, :count])
        assert encoder.token_count(encoder.model.config, encoder.settings, patches) == count
    for number, features in enumerate(encoder.encode(prepared)):
        expected = output.hidden_states[-1][number, : counts[number]]
        torch.testing.assert_close(features, expected, rtol=1e-5, atol=1e-5)
    head = load("siglip2", pool="head")
    torch.testing.assert_close(head.encode(head.prepare(pictures))[:, 0], output.pooler_output, rtol=1e-5, atol=1e-5)
    pooled = load("siglip2", pool="2x2").encode(prepared)
    assert [tuple(one.shape) for one in pooled] == [(4, 32)] * 4


@pytest.mark.parametrize("kind", SPEECH)
def test_an_audio_file_has_its_own_length_and_never_hears_its_batch(load, audio_files, kind):
    encoder = load(kind)
    together = encoder.encode(encoder.prepare(audio_files))
    odd = 65 if kind == "wav2vec2_bert" else 66  # 131 frames: the last one has no partner and is not heard
    assert [len(one) for one in together] == [24, odd, 24, 93, 4]
    for audio, batched in zip(audio_files, together, strict=True):
        prepared = encoder.prepare([audio])
        torch.testing.assert_close(encoder.encode(prepared)[0], batched, rtol=1e-5, atol=1e-5)
        assert encoder.token_count(encoder.model.config, encoder.settings, prepared[0]) == len(batched)


@pytest.mark.parametrize("kind", SPEECH)
def test_speech_features_equal_those_of_transformers(load, checkpoint, audio_files, kind):
    from transformers import AutoFeatureExtractor, AutoModel

    with quiet_transformers():
        model = AutoModel.from_pretrained(checkpoint(kind)).eval()
        extractor = AutoFeatureExtractor.from_pretrained(checkpoint(kind))
    first, earlier = load(kind), load(kind, layer=-2)
    for audio in audio_files[1:4:2]:
        made = extractor(audio, sampling_rate=16_000, return_tensors="pt")
        real = made["attention_mask"][0].bool() if kind == "wav2vec2_bert" else slice(None)
        given = made.get("input_values", made.get("input_features"))
        assert torch.equal(first.prepare([audio])[0], given[0][real])
        with torch.inference_mode():
            output = model(**made, output_hidden_states=True)
        real = real if kind == "wav2vec2_bert" else slice(None)
        found = first.encode(first.prepare([audio]))[0]
        torch.testing.assert_close(found, output.last_hidden_state[0][real], rtol=1e-5, atol=1e-5)
        found = earlier.encode(earlier.prepare([audio]))[0]
        torch.testing.assert_close(found, output.hidden_states[-2][0][real], rtol=1e-5, atol=1e-5)


def test_audio_is_heard_for_thirty_seconds_where_the_encoder_has_no_length_of_its_own(load):
    encoder = load("hubert")
    assert (encoder.max_seconds, load("whisper").max_seconds) == (30.0, 2.0)
    (heard,) = encoder.prepare([np.zeros(16_000 * 31, np.float32)])
    assert len(heard) == 16_000 * 30
    assert encoder.fingerprint["preprocessing"]["window_seconds"] == 30.0


def test_whisper_of_128_bins_hears_128_bins(load, audio_files):
    encoder = load("whisper128")
    assert encoder.prepare(audio_files).shape == (5, 128, 200)
    assert encoder.encode(encoder.prepare(audio_files)).shape == (5, 100, 32)


@pytest.mark.parametrize("kind", ["siglip", "siglip2"])
def test_a_tower_alone_and_inside_the_whole_model_have_one_fingerprint(load, kind, tmp_path):
    encoder = load(kind)
    folder = tmp_path / kind
    with quiet_transformers():
        encoder.model.save_pretrained(folder)
    encoder.processor.save_pretrained(folder)
    assert load_image_encoder(EncoderSettings(), str(folder), "cpu").fingerprint == encoder.fingerprint


@pytest.mark.parametrize("kind", [*FITTED, "siglip2", *SPEECH])
def test_a_folder_without_processor_files_gets_the_usual_one(load, kind, tmp_path):
    encoder = load(kind)
    with quiet_transformers():
        encoder.model.save_pretrained(tmp_path)
    image = kind in tiny_encoders.IMAGE_KINDS
    bare = (load_image_encoder if image else load_audio_encoder)(encoder.settings, str(tmp_path), "cpu")
    assert set(bare.fingerprint["preprocessing"]) == set(encoder.fingerprint["preprocessing"])
    assert bare.fingerprint["weights"] == encoder.fingerprint["weights"]


@pytest.mark.parametrize("kind", tiny_encoders.IMAGE_KINDS + tiny_encoders.AUDIO_KINDS)
def test_features_lose_nothing_that_counts_as_fp16(load, pictures, audio_files, kind):
    encoder = load(kind)
    media = pictures if kind in tiny_encoders.IMAGE_KINDS else audio_files
    for features in encoder.encode(encoder.prepare(media)):
        stored = features.half()
        assert stored.isfinite().all()
        assert cosine_similarity(stored.float(), features, dim=-1).min() >= 0.9999


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("kind", ["siglip", "siglip2", "dinov2", "whisper", "wav2vec2_stable", "wav2vec2_bert"])
def test_lower_precision_computes_nearly_the_same(load, pictures, audio_files, kind, precision):
    media = pictures if kind in tiny_encoders.IMAGE_KINDS else audio_files[:2]
    exact, rough = load(kind), load(kind, precision)
    for ours, theirs in zip(rough.encode(rough.prepare(media)), exact.encode(exact.prepare(media)), strict=True):
        assert ours.dtype == torch.float32
        assert cosine_similarity(ours, theirs, dim=-1).min() > 0.98
