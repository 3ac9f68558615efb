"""Windows of long audio files, pooled videos, and media of different lengths, between decoding and the shards."""

import threading

import numpy as np
import pytest
import tiny_encoders
import torch

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.config.view_settings import AudioView, ViewSettings
from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder
from macaw_cli.encoders.views import view_of
from macaw_cli.features import encoder_batches
from macaw_cli.features.encoder_batches import prepared_by_threads
from macaw_cli.features.encoding import Encoders, load_encoders

RATE = 16_000


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """An image and an audio encoder by the names of their architectures."""

    def load(image, audio):
        folder = tmp_path_factory.mktemp("encoders")
        one = load_image_encoder(EncoderSettings(), str(tiny_encoders.make(image, folder / "image")), "cpu")
        return one, load_audio_encoder(EncoderSettings(), str(tiny_encoders.make(audio, folder / "audio")), "cpu")

    return load


@pytest.fixture(scope="module")
def usual(loaded):
    return loaded("clip", "whisper")


@pytest.fixture(scope="module")
def varying(loaded):
    return loaded("siglip2", "hubert")


def sound(seconds, seed=0):
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE)).astype(np.float32) / 10


def alone(encoder, medium):
    return encoder.encode(encoder.prepare([medium]))[0].half().numpy()


def test_a_long_audio_is_heard_in_as_many_windows_as_it_needs(usual):
    encoders = Encoders(*usual, frames=2, audio_windows=3)
    sounds = [sound(1.0), sound(2.0), sound(4.5), sound(9.0)]
    features = encoders.encode("audio", sounds, batch=4)
    assert [one.shape for one in features] == [(100, 32), (100, 32), (300, 32), (300, 32)]
    cut = [sounds[2][: 2 * RATE], sounds[2][2 * RATE : 4 * RATE], sounds[2][4 * RATE :]]
    expected = np.concatenate([alone(usual[1], window) for window in cut])
    np.testing.assert_allclose(features[2].astype(np.float32), expected, rtol=2e-3, atol=2e-3)
    assert all(one.dtype == np.float16 for one in features)


def test_windows_are_in_the_request_the_shape_and_the_fingerprint_only_when_wanted(usual):
    one, three = Encoders(*usual, frames=2), Encoders(*usual, frames=2, audio_windows=3)
    assert (one.shape("audio"), three.shape("audio")) == ((100, 32), (300, 32))
    assert three.item_bytes("audio") - one.item_bytes("audio") == 2 * 200 * 32
    ask = [encoders.request("a.wav", "audio", ("audio",), (None, None))["max_seconds"] for encoders in (one, three)]
    assert ask == [2.0, 6.0]
    assert one.fingerprints["audio"] == usual[1].fingerprint
    assert three.fingerprints["audio"] == {**usual[1].fingerprint, "audio_windows": 3}
    assert three.null("audio").shape == (100, 32)


def test_one_window_gives_what_it_always_gave(usual):
    sounds = [sound(1.0), sound(3.0, seed=1)]
    features = Encoders(*usual, frames=2).encode("audio", sounds, batch=2)
    assert isinstance(features, np.ndarray)
    prepared = usual[1].prepare(sounds)
    assert np.array_equal(features, usual[1].encode(prepared).half().numpy())


@pytest.mark.parametrize("settings", [
    EncoderSettings(), EncoderSettings(pool="10"), EncoderSettings(pool="mean"), EncoderSettings(layer=(1, 2)),
])  # fmt: skip
def test_dropped_padding_is_what_trim_removes_from_kept_padding(usual, settings):
    """For lengths up to four windows, whatever else is in the batch."""
    audio = type(usual[1])(usual[1].model, usual[1].processor, settings, "cpu", "fp32")
    keep = Encoders(None, audio, frames=2, audio_windows=3)
    drop = Encoders(None, audio, frames=2, audio_windows=3, drop_padding=True)
    view = view_of("audio", ViewSettings(audio=AudioView(trim=True)), keep.fingerprints["audio"])
    samples = [1, 319, 320, 321, 11_200, 31_999, 32_000, 32_001, 70_000, 96_000, 120_000]
    sounds = [sound(count / RATE, seed=count) for count in samples]
    for whole, heard, one in zip(
        keep.encode("audio", sounds, batch=4), drop.encode("audio", sounds, batch=4), sounds, strict=True
    ):
        seconds = keep.about("audio", one)["seconds"]
        assert np.array_equal(view.array(whole, seconds), heard), len(one)
        assert view.shape(whole.shape, seconds) == heard.shape


def test_only_tokens_within_the_audio_are_stored_and_the_null_entry_is_whole(usual):
    drop = Encoders(*usual, frames=2, audio_windows=2, drop_padding=True)
    sounds = [sound(0.7), sound(0.0001), sound(2.01), sound(9.0)]
    features = drop.encode("audio", sounds, batch=4)
    assert [one.shape for one in features] == [(35, 32), (1, 32), (101, 32), (200, 32)]
    assert drop.stored_bytes(features[:1]) < Encoders(*usual, frames=2).item_bytes("audio") / 1.5
    assert drop.null("audio").shape == (100, 32) and drop.shape("audio") == (200, 32)
    (alone,) = drop.encode("audio", sounds[:1], batch=1)
    np.testing.assert_allclose(features[0].astype(np.float32), alone.astype(np.float32), rtol=2e-3, atol=2e-3)


def test_dropped_padding_is_in_the_fingerprint_only_of_an_encoder_that_pads(usual, varying):
    keep, drop = Encoders(*usual, frames=2), Encoders(*usual, frames=2, drop_padding=True)
    assert drop.fingerprints["audio"] == {**keep.fingerprints["audio"], "audio_padding": "drop"}
    assert keep.fingerprints["audio"] == usual[1].fingerprint  # as in stores of older versions
    assert Encoders(*varying, frames=2, drop_padding=True).fingerprints["audio"] == varying[1].fingerprint


def test_audio_files_of_different_lengths_keep_them(varying):
    encoders = Encoders(*varying, frames=2, audio_windows=2)
    sounds = [sound(0.5), sound(31.0, seed=2), sound(1.2, seed=3)]
    features = encoders.encode("audio", sounds, batch=2)
    assert [len(one) for one in features] == [24, 1499 + 49, 59]
    assert encoders.shape("audio") == (2998, 32)
    np.testing.assert_allclose(features[2], alone(varying[1], sounds[2]), rtol=2e-3, atol=2e-3)


def test_images_of_different_proportions_keep_their_patches(varying):
    dice = np.random.default_rng(0)
    pictures = [dice.integers(0, 256, (*size, 3), np.uint8) for size in ((40, 70), (64, 33), (20, 20))]
    encoders = Encoders(*varying, frames=2)
    assert encoders.request("a.png", "image", ("image",), (None, None))["geometry"] is None
    features = encoders.encode("image", pictures, batch=2)
    assert [len(one) for one in features] == [18, 18, 16]
    films = [dice.integers(0, 256, (2, 40, 70, 3), np.uint8), dice.integers(0, 256, (2, 20, 20, 3), np.uint8)]
    assert [one.shape for one in encoders.encode("video", films, batch=3)] == [(2, 18, 32), (2, 16, 32)]


def test_frames_of_a_video_are_averaged_before_they_are_stored(usual):
    film = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    whole = usual[0].encode(usual[0].prepare_fitted(film))
    encoders = Encoders(*usual, frames=4, pool_frames=2)
    (pooled,) = encoders.encode("video", [film], batch=8)
    expected = whole.unflatten(0, (2, 2)).mean(1)
    torch.testing.assert_close(torch.from_numpy(pooled).float(), expected, rtol=1e-3, atol=1e-3)
    assert encoders.shape("video") == (2, 16, 24) == encoders.null("video").shape
    assert encoders.fingerprints["video"] == {**usual[0].fingerprint, "frames": 4, "pool_frames": 2}
    assert "pool_frames" not in encoders.fingerprints["image"]


def test_more_pooled_frames_than_frames_are_refused(workspace):
    with pytest.raises(UsageError, match=r"features\.pool_frames.*at most 3.*found 5"):
        load_encoders(workspace("features.pool_frames=5"), {"video"})


@pytest.mark.parametrize(("kinds", "threads"), [("usual", 1), ("usual", 3), ("usual", 16), ("varying", 2)])
def test_audio_files_that_several_threads_prepare_are_those_of_one(request, kinds, threads):
    _, encoder = request.getfixturevalue(kinds)
    sounds = [sound(seconds, seed) for seed, seconds in enumerate((0.5, 1.0, 0.2, 1.5, 0.7))]
    found, expected = prepared_by_threads(encoder, sounds, threads), encoder.prepare(sounds)
    assert len(found) == len(expected)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("feeds_gpu", [True, False])
def test_only_beside_a_gpu_audio_files_are_prepared_off_the_main_thread(usual, monkeypatch, feeds_gpu):
    _, encoder = usual
    preparing = []

    def prepare(media):
        preparing.append(threading.current_thread() is threading.main_thread())
        return type(encoder).prepare(encoder, media)

    monkeypatch.setattr(encoder, "prepare", prepare)
    monkeypatch.setattr(encoder_batches, "_feeds_gpu", lambda _encoder: feeds_gpu)
    encoders = Encoders(None, encoder, 1)
    assert len(encoders.encode("audio", [sound(0.5), sound(0.7)], 8)) == 2
    assert set(preparing) == {not feeds_gpu}
