"""From media files to the model's features, with real encoders and real files."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tiny_encoders
import tiny_macaw
import torch

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.chat.terminal import attachment_line
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.config.loading import open_workspace
from macaw_cli.config.view_settings import AudioView, ImageView, ViewSettings
from macaw_cli.encoders.loading import load_image_encoder
from macaw_cli.encoders.views import views_of
from macaw_cli.features.extract import extract
from macaw_cli.inference.attachments import Attacher, Attachment, medium_file
from macaw_cli.media.images import load_image
from macaw_cli.model.folder import load_model
from macaw_cli.model.model_encoders import ModelEncoders
from macaw_cli.shards.feature_store import FeatureStore


def attacher_of(root, run="tiny"):
    folder = root / "runs" / run / "model"
    model, processor = load_model(folder)
    return Attacher(model.config, ModelEncoders(model, processor, folder, open_workspace(root)))


@pytest.fixture(scope="module")
def attacher(workspace_folder):
    return attacher_of(workspace_folder)


@pytest.fixture
def copy(workspace_folder, tmp_path):
    """A copy of the workspace that a test may damage."""
    return shutil.copytree(workspace_folder, tmp_path / "copy")


def test_an_image_becomes_what_the_encoder_makes_of_it(attacher, workspace_folder):
    (seen,) = attacher.attach(workspace_folder / "media/red.png", "image")
    encoder = load_image_encoder(EncoderSettings(), str(workspace_folder / "models/clip"), "cpu")
    expected = encoder.encode(encoder.prepare([load_image(workspace_folder / "media/red.png")]))[0].half().numpy()
    assert np.array_equal(seen.features, expected.astype(np.float32))
    assert (seen.modality, seen.soft_tokens, seen.shape) == ("image", 16, (16, 24))


def test_the_features_are_those_that_extraction_stores(attacher, workspace_folder, tmp_path):
    workspace = open_workspace(workspace_folder, [f"features.out={tmp_path}/features"])
    extract(workspace, [str(workspace_folder / "media")])
    store = FeatureStore(tmp_path / "features")
    for name, modality in (("red.png", "image"), ("blue.png", "image"), ("beep.wav", "audio"), ("film.mp4", "video")):
        for seen in attacher.attach(workspace_folder / "media" / name, modality):
            stored = store.read(store.find(name, seen.modality)).astype(np.float32)
            # one step of fp16: batches of another size may round otherwise
            assert np.allclose(seen.features, stored, rtol=1e-3, atol=1e-4), (name, seen.modality)


def test_a_video_brings_its_soundtrack(attacher, workspace_folder):
    film, track = attacher.attach(workspace_folder / "media/film.mp4", "video")
    assert (film.modality, film.frames, film.shape, film.soundtrack) == ("video", tiny_macaw.FRAMES, (3, 16, 24), False)
    assert (track.modality, track.soundtrack, track.path) == ("audio", True, film.path)
    assert track.seconds == pytest.approx(1.0, abs=0.15)


def test_how_much_of_an_audio_file_or_video_is_not_heard_or_seen_is_told(attacher, workspace_folder, tmp_path):
    rate = 8000
    soundfile.write(tmp_path / "long.wav", np.sin(np.arange(11 * rate) / 9), rate)
    (sound,) = attacher.attach(tmp_path / "long.wav", "audio")
    assert sound.duration == pytest.approx(11.0) and sound.seconds < 3
    assert f"heard {sound.seconds:.1f} of 11.0 s" in attachment_line(sound)
    assert sound.as_json()["heard_s"] == sound.seconds and sound.as_json()["duration_s"] == pytest.approx(11.0)
    soundfile.write(tmp_path / "short.wav", np.sin(np.arange(rate // 2) / 9), rate)
    (sound,) = attacher.attach(tmp_path / "short.wav", "audio")
    assert "heard" not in attachment_line(sound) and "0.5 s" in attachment_line(sound)
    film = attacher.attach(workspace_folder / "media/film.mp4", "video")[0]
    first, last = film.span
    assert 0 <= first < last and f"frames between {first:.1f} and {last:.1f} s" in attachment_line(film)
    (image,) = attacher.attach(workspace_folder / "media/red.png", "image")
    assert attachment_line(image).endswith(": image, 40x30 pixels, 16 soft tokens")


def test_a_silent_video_comes_alone(attacher, workspace_folder):
    assert [seen.modality for seen in attacher.attach(workspace_folder / "media/silent.mp4", "video")] == ["video"]


def test_a_model_without_ears_takes_the_image_only(copy):
    tiny_macaw.make_model(copy, "deaf", modalities=("image", "video"))
    assert [seen.modality for seen in attacher_of(copy, "deaf").attach(copy / "media/film.mp4", "video")] == ["video"]


def test_equal_files_are_encoded_once(attacher, workspace_folder, tmp_path):
    twin = shutil.copy(workspace_folder / "media/red.png", tmp_path / "twin.png")
    (first,) = attacher.attach(workspace_folder / "media/red.png", "image")
    (second,) = attacher.attach(twin, "image")
    assert second.features is first.features
    assert second.path == str(twin)


def test_a_missing_file_is_told(attacher, tmp_path):
    with pytest.raises(InputError, match=r"nothing.png"):
        attacher.attach(tmp_path / "nothing.png", "image")
    with pytest.raises(InputError, match="is a folder"):
        attacher.attach(tmp_path, "image")
    with pytest.raises(InputError) as told:
        medium_file(Path("seris:load.csv"))
    assert "series:load.csv" in told.value.hint


def test_a_warning_about_a_medium_is_told_with_it():
    one = Attachment("load.csv", "series", np.zeros((1, 2), np.float32), 1, warning="it has a single step")
    assert "it has a single step" in attachment_line(one)
    assert one.as_json()["warning"] == "it has a single step"
    assert "warning" not in Attachment("load.csv", "series", np.zeros((1, 2), np.float32), 1).as_json()


def test_a_text_file_named_png_is_told(attacher, tmp_path):
    fake = tmp_path / "fake.png"
    fake.write_text("this is no picture")
    with pytest.raises(InputError, match=r"fake\.png"):
        attacher.attach(fake, "image")


def test_a_modality_that_the_model_never_saw_is_told(copy):
    tiny_macaw.make_model(copy, "eyes", modalities=("image",))
    with pytest.raises(InputError, match=r"audio.*image"):
        attacher_of(copy, "eyes").attach(copy / "media/beep.wav", "audio")


def test_an_encoder_that_is_gone_is_told_with_its_place(copy):
    (copy / "macaw.yaml").write_text("version: 1\n")
    shutil.rmtree(copy / "models/clip")
    with pytest.raises(InputError, match="models/clip"):
        attacher_of(copy).attach(copy / "media/red.png", "image")


def test_an_encoder_that_moved_is_found_through_the_settings(copy):
    (copy / "models/clip").rename(copy / "moved")
    (copy / "macaw.yaml").write_text("features: {image_encoder: moved}\n")
    (seen,) = attacher_of(copy).attach(copy / "media/red.png", "image")
    assert seen.shape == (16, 24)


def test_another_encoder_in_its_place_is_refused_with_both_shown(copy):
    from safetensors.torch import load_file, save_file

    weights = copy / "models/clip/model.safetensors"
    content = load_file(weights)
    content["visual_projection.weight"] = torch.randn_like(content["visual_projection.weight"])
    save_file(content, weights, metadata={"format": "pt"})
    with pytest.raises(MismatchError, match="clip"):
        attacher_of(copy).attach(copy / "media/red.png", "image")


def test_a_model_that_names_no_encoder_is_told(copy):
    config = copy / "runs/tiny/model/config.json"
    content = json.loads(config.read_text())
    content["encoders"] = {}
    config.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"config.json"):
        attacher_of(copy).attach(copy / "media/red.png", "image")


@pytest.mark.parametrize("drop_padding", [False, True])
def test_raw_media_get_the_features_that_training_reads_through_the_models_view(copy, tmp_path, drop_padding):
    views = ViewSettings(
        image=ImageView(pool=3, layer_norm=True), video=ImageView(stack=4),
        audio=AudioView(trim=not drop_padding, pool=4, stack=2, layer_norm=True),
    )  # fmt: skip
    tiny_macaw.make_model(copy, "viewed", drop_padding=drop_padding, views=views)
    padding = "drop" if drop_padding else "keep"
    extract(open_workspace(copy, [f"features.out={tmp_path}/features", f"features.audio_padding={padding}"]),
            [str(copy / "media")])  # fmt: skip
    store, attacher = FeatureStore(tmp_path / "features"), attacher_of(copy, "viewed")
    seen_as_stored = views_of(views, store.fingerprints)
    expected = {"image": (6, 24), "audio": (7, 64), "video": (3, 4, 96)}  # an audio file of 1 s: 50 tokens, 13 means
    for name, modality in (("blue.png", "image"), ("beep.wav", "audio"), ("film.mp4", "video")):
        for seen in attacher.attach(copy / "media" / name, modality):
            row = store.find(name, seen.modality)
            stored = seen_as_stored[seen.modality].array(store.read(row), row.meta.get("seconds"))
            assert seen.shape == stored.shape == expected[modality] or seen.soundtrack
            assert np.allclose(seen.features, stored.astype(np.float32), rtol=3e-3, atol=3e-3), (name, seen.modality)


def test_long_audio_files_videos_and_any_encoders_are_taken_as_the_model_was_trained(copy, tmp_path):
    """The features of `chat` are those of extraction, with windows, pooled frames and media of their own length."""
    tiny_encoders.make("siglip2", copy / "models/siglip2")
    tiny_encoders.make("whisper", copy / "models/whisper")
    how = {"image_encoder": "siglip2", "pool_frames": 2, "audio_windows": 3}
    tiny_macaw.make_model(copy, "wide", bridge="mlp", **how)
    samples = np.random.default_rng(0).standard_normal(80_000) / 10
    soundfile.write(copy / "media/long.wav", samples, 16_000)
    settings = [f"features.out={tmp_path}/features", "features.image_encoder=models/siglip2", "features.pool_frames=2",
                "features.audio_windows=3"]  # fmt: skip
    extract(open_workspace(copy, settings), [str(copy / "media")])
    store, attacher = FeatureStore(tmp_path / "features"), attacher_of(copy, "wide")
    for name, modality in (("blue.png", "image"), ("long.wav", "audio"), ("beep.wav", "audio"), ("film.mp4", "video")):
        for seen in attacher.attach(copy / "media" / name, modality):
            stored = store.read(store.find(name, seen.modality)).astype(np.float32)
            assert seen.shape == stored.shape
            assert np.allclose(seen.features, stored, rtol=2e-3, atol=2e-3), (name, seen.modality)
    (long,) = attacher.attach(copy / "media/long.wav", "audio")
    assert (long.shape, long.soft_tokens, long.seconds) == ((250, 32), 250, 5.0)
    assert attacher.attach(copy / "media/film.mp4", "video")[0].shape[0] == 2
