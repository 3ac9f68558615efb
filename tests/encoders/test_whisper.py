import numpy as np
import pytest
import torch

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.loading import load_audio_encoder
from macaw_cli.encoders.source import quiet_transformers


def load(folder, **settings):
    return load_audio_encoder(EncoderSettings(projection=False, **settings), str(folder), "cpu", "fp32")


@pytest.fixture(scope="module")
def encoder(whisper_folder):
    return load(whisper_folder)


@pytest.fixture(scope="module")
def waves():
    generator = np.random.default_rng(0)
    return [generator.standard_normal(length).astype(np.float32) / 10 for length in (8000, 32000, 50000)]


def test_features_equal_the_encoder_of_the_whole_model(whisper_folder, encoder, waves):
    from transformers import WhisperFeatureExtractor, WhisperModel

    with quiet_transformers():
        whole = WhisperModel.from_pretrained(whisper_folder).eval()
    extractor = WhisperFeatureExtractor.from_pretrained(whisper_folder)
    mel = extractor(waves, sampling_rate=16000, return_tensors="pt")["input_features"]
    assert torch.equal(encoder.prepare(waves), mel)
    with torch.inference_mode():
        torch.testing.assert_close(encoder.encode(mel), whole.encoder(mel).last_hidden_state, rtol=0, atol=0)
    assert encoder.feature_shape == (100, 32)
    assert (encoder.sampling_rate, encoder.max_seconds) == (16000, 2.0)


def test_an_earlier_layer_can_be_taken(whisper_folder, encoder, waves):
    mel = encoder.prepare(waves)
    with torch.inference_mode():
        states = encoder.model(mel, output_hidden_states=True).hidden_states
    torch.testing.assert_close(load(whisper_folder, layer=-2).encode(mel), states[-2])
    normed = load(whisper_folder, layer=-2, post_layernorm=True).encode(mel)
    torch.testing.assert_close(normed, encoder.model.layer_norm(states[-2]))


def test_the_encoder_can_be_saved_alone_and_is_the_same(encoder, tmp_path):
    folder = tmp_path / "tiny-whisper"
    with quiet_transformers():
        encoder.model.save_pretrained(folder)
    encoder.processor.save_pretrained(folder)
    assert load(folder).fingerprint == encoder.fingerprint


def test_a_folder_without_processor_files_hears_as_long_as_the_encoder(encoder, tmp_path):
    with quiet_transformers():
        encoder.model.save_pretrained(tmp_path)
    assert load(tmp_path).fingerprint["preprocessing"] == encoder.fingerprint["preprocessing"]
