"""Pooling, layers and sizes, and what an architecture refuses."""

import numpy as np
import pytest
import torch

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.frozen import chosen_outputs
from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder
from macaw_cli.encoders.selection import pool_frames
from macaw_cli.media.images import fit_image


@pytest.fixture(scope="module")
def image(checkpoint):
    return lambda kind, **settings: load_image_encoder(EncoderSettings(**settings), checkpoint(kind), "cpu")


@pytest.fixture(scope="module")
def audio(checkpoint):
    return lambda kind, **settings: load_audio_encoder(EncoderSettings(**settings), checkpoint(kind), "cpu")


def encoded(encoder, media):
    return encoder.encode(encoder.prepare(media))


def test_patches_are_averaged_over_their_grid_with_the_class_token_in_front(image, pictures):
    whole = encoded(image("clip", cls="keep"), pictures)
    grid = whole[:, 1:].reshape(4, 2, 2, 2, 2, 24).mean((2, 4)).flatten(1, 2)
    pooled = encoded(image("clip", cls="keep", pool="2x2"), pictures)
    torch.testing.assert_close(pooled, torch.cat([whole[:, :1], grid], dim=1))
    rows = encoded(image("clip", pool="4x1"), pictures)
    torch.testing.assert_close(rows, whole[:, 1:].unflatten(1, (4, 4)).mean(2))


def test_the_mean_is_that_of_the_patches_alone(image, pictures):
    whole = encoded(image("dinov2"), pictures)
    torch.testing.assert_close(encoded(image("dinov2", pool="mean"), pictures), whole.mean(1, keepdim=True))


def test_pooled_tokens_are_normalised_after_pooling(image, pictures):
    pooled = encoded(image("clip", pool="2x2", l2=True), pictures)
    torch.testing.assert_close(pooled.norm(dim=-1), torch.ones(4, 4))


def test_layers_stand_one_after_another(image, audio, pictures, audio_files):
    single = [encoded(image("siglip", layer=layer), pictures) for layer in (1, -1)]
    torch.testing.assert_close(encoded(image("siglip", layer=(1, -1)), pictures), torch.cat(single, dim=1))
    single = [encoded(audio("hubert", layer=layer), audio_files[:1])[0] for layer in (0, 3)]
    both = encoded(audio("hubert", layer=(0, -1)), audio_files[:1])[0]
    torch.testing.assert_close(both, torch.cat(single))


def test_audio_files_are_averaged_over_time(audio, audio_files):
    whole = encoded(audio("whisper"), audio_files)
    torch.testing.assert_close(encoded(audio("whisper", pool="50"), audio_files), whole.unflatten(1, (50, 2)).mean(2))
    short, long = encoded(audio("wav2vec2", pool="30"), [audio_files[0], audio_files[3]])
    assert (len(short), len(long)) == (24, 30)  # averaged down, never up
    assert encoded(audio("wav2vec2_bert", pool="mean"), audio_files)[3].shape == (1, 32)


@pytest.mark.parametrize(("kind", "side", "tokens"), [
    ("clip", 48, 36), ("siglip", 64, 64), ("siglip2", 40, 25), ("dinov2", 56, 16), ("dinov2_with_registers", 42, 9),
])  # fmt: skip
def test_larger_images_have_more_tokens(image, pictures, kind, side, tokens):
    encoder = image(kind, image_size=side)
    assert encoder.feature_shape[0] == tokens
    assert all(len(one) <= tokens for one in encoded(encoder, pictures))
    assert encoder.fingerprint["image_size"] == side
    if kind != "siglip2":
        fitted = np.stack([np.asarray(fit_image(one, encoder.geometry)) for one in pictures])
        prepared = encoder.prepare(pictures)
        assert torch.equal(encoder.encode(encoder.prepare_fitted(fitted)), encoder.encode(prepared))


def test_a_margin_that_is_cropped_keeps_its_share(image):
    made = image("dinov2", image_size=56).fingerprint["preprocessing"]
    assert (made["size"], made["crop_size"]) == ({"shortest_edge": 64}, {"height": 56, "width": 56})


def test_old_fingerprints_stay_as_they_were():
    assert set(chosen_outputs(EncoderSettings())) == {"layer", "cls", "post_layernorm", "projection", "l2"}
    assert chosen_outputs(EncoderSettings(layer=(4, 8), pool="mean")) == {
        "layer": [4, 8], "cls": "drop", "post_layernorm": False, "projection": True, "l2": False, "pool": "mean"
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "settings", "told"), [
    ("siglip", {"cls": "only"}, r"image_encoder\.cls.*drop.*siglip_vision_model.*found only"),
    ("siglip2", {"cls": "keep"}, r"image_encoder\.cls"),
    ("dinov2", {"pool": "head"}, r"image_encoder\.pool.*cls: only"),
    ("siglip", {"pool": "head", "layer": -2}, r"image_encoder\.layer.*-1"),
    ("clip", {"pool": "5x2"}, r"image_encoder\.pool.*at most 4x4.*found 5x2"),
    ("clip", {"pool": "500"}, r"image_encoder\.pool.*rows x columns"),
    ("clip", {"pool": "mean", "cls": "only"}, r"image_encoder\.pool.*class token alone"),
    ("clip", {"image_size": 50}, r"image_encoder\.image_size.*multiple of the patch size 8"),
    ("clip", {"layer": (1, 9)}, r"image_encoder\.layer.*-4 to 3.*found 9"),
    ("whisper", {"cls": "only"}, r"audio_encoder\.cls"),
    ("whisper", {"pool": "14x14"}, r"audio_encoder\.pool.*such as 500"),
    ("hubert", {"image_size": 64}, r"audio_encoder\.image_size"),
    ("wav2vec2", {"post_layernorm": True}, r"audio_encoder\.post_layernorm.*expected false"),
    ("wav2vec2_bert", {"post_layernorm": True}, r"audio_encoder\.post_layernorm"),
])  # fmt: skip
def test_what_an_architecture_lacks_is_refused(image, audio, kind, settings, told):
    load = audio if told.startswith("audio") else image
    with pytest.raises(UsageError, match=told):
        _ = load(kind, **settings).feature_shape


def test_frames_are_averaged_down_and_never_up():
    video = torch.arange(24.0).reshape(6, 2, 2)
    torch.testing.assert_close(pool_frames(video, 3), video.unflatten(0, (3, 2)).mean(1))
    assert torch.equal(pool_frames(list(video), 8), video)
    assert torch.equal(pool_frames(video, None), video)
