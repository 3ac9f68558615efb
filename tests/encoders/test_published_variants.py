"""The features that published systems take of CLIP and Whisper: real token geometry, thin layers, against transformers.

Each case is a row of the table in docs/encoders.md.
"""

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torch.nn.functional import normalize

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder
from macaw_cli.encoders.source import quiet_transformers

WIDTH, PROJECTED = 16, 12


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Patch size, resolution and number of layers to a folder with a thin CLIP."""
    made = {}

    def folder(patch, side, layers=2):
        if (patch, side, layers) not in made:
            from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModelWithProjection

            torch.manual_seed(0)
            made[patch, side, layers] = path = tmp_path_factory.mktemp("clip")
            config = CLIPVisionConfig(
                hidden_size=WIDTH, intermediate_size=8, num_attention_heads=2, projection_dim=PROJECTED,
                num_hidden_layers=layers, image_size=side, patch_size=patch,
            )  # fmt: skip
            with quiet_transformers():
                CLIPVisionModelWithProjection(config).save_pretrained(path)
                crop = {"height": side, "width": side}
                CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size=crop).save_pretrained(path)
        return str(made[patch, side, layers])

    return folder


@pytest.fixture(scope="module")
def image():
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (240, 260, 3), np.uint8))


def ours(folder, image, written):
    encoder = load_image_encoder(EncoderSettings(**yaml.safe_load(written)), folder, "cpu")
    features = encoder.encode(encoder.prepare([image]))
    assert features.shape[1:] == encoder.feature_shape
    return features


def theirs(folder, image, side):
    """The whole model by transformers alone."""
    from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

    with quiet_transformers():
        model = CLIPVisionModelWithProjection.from_pretrained(folder).eval()
    processor = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    pixels = processor(images=image, return_tensors="pt")["pixel_values"]
    larger = side != model.config.image_size
    with torch.inference_mode():
        return model, model(pixels, output_hidden_states=True, interpolate_pos_encoding=larger)


CASES = [
    ("macaw", 16, 224, 2, "{}", (196, PROJECTED), lambda m, o: m.visual_projection(o.hidden_states[-1][:, 1:])),
    ("llava", 14, 224, 3, "{layer: -2, projection: false}", (256, WIDTH), lambda m, o: o.hidden_states[-2][:, 1:]),
    ("llava 1.5", 14, 336, 3, "{layer: -2, projection: false}", (576, WIDTH), lambda m, o: o.hidden_states[-2][:, 1:]),
    ("onellm", 14, 224, 2, "{cls: keep, post_layernorm: true, projection: false}", (257, WIDTH),
     lambda m, o: m.vision_model.post_layernorm(o.last_hidden_state)),
    ("llama-adapter v2", 14, 224, 2, "{cls: keep, post_layernorm: true}", (257, PROJECTED),
     lambda m, o: m.visual_projection(m.vision_model.post_layernorm(o.last_hidden_state))),
    ("kosmos-2", 14, 224, 2, "{cls: keep, post_layernorm: true, projection: false, l2: true}", (257, WIDTH),
     lambda m, o: normalize(m.vision_model.post_layernorm(o.last_hidden_state), dim=-1)),
    ("lavin", 14, 224, 24, "{layer: [4, 8, 12, 16, 20, 24], cls: only, projection: false}", (6, WIDTH),
     lambda m, o: torch.stack([o.hidden_states[layer][:, 0] for layer in (4, 8, 12, 16, 20, 24)], dim=1)),
    ("internlm-xcomposer2", 14, 336, 2, "{image_size: 490, projection: false}", (1225, WIDTH),
     lambda m, o: o.last_hidden_state[:, 1:]),
    ("rices", 16, 224, 2, "{cls: only, post_layernorm: true}", (1, PROJECTED), lambda m, o: o.image_embeds[:, None]),
]  # fmt: skip


@pytest.mark.parametrize(("patch", "side", "layers", "written", "shape", "direct"),
                         [case[1:] for case in CASES], ids=[case[0] for case in CASES])  # fmt: skip
def test_clip_features_equal_the_direct_computation(clip, image, patch, side, layers, written, shape, direct):
    folder = clip(patch, side, layers)
    features = ours(folder, image, written)
    assert features.shape == (1, *shape)
    model, output = theirs(folder, image, 490 if "490" in written else side)
    with torch.inference_mode():
        torch.testing.assert_close(features, direct(model, output), rtol=1e-5, atol=1e-6)


def test_the_docs_show_these_very_settings(request):
    """What the table tells people to write is what is tested here."""
    page = (request.config.rootpath / "docs/encoders.md").read_text()
    for name, _, _, _, written, _, _ in CASES:
        assert f"`{written}`" in page, name


def test_whisper_base_hears_1500_positions(tmp_path):
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    torch.manual_seed(0)
    config = WhisperConfig(
        d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=8, decoder_ffn_dim=8, vocab_size=60, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=1,
    )  # fmt: skip
    model = WhisperModel(config).eval()
    with quiet_transformers():
        model.save_pretrained(tmp_path)
        WhisperFeatureExtractor().save_pretrained(tmp_path)
    audio = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    encoder = load_audio_encoder(EncoderSettings(projection=False), str(tmp_path), "cpu")
    mel = WhisperFeatureExtractor()(audio, sampling_rate=16_000, return_tensors="pt")["input_features"]
    features = encoder.encode(encoder.prepare([audio]))
    assert features.shape == (1, 1500, 16)
    with torch.inference_mode():
        assert torch.equal(features, model.encoder(mel).last_hidden_state)
