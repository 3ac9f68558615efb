import json
import shutil

import pytest
from transformers import CLIPImageProcessorPil

from macaw_cli.basics.errors import (
    DamagedError,
    InputError,
    MacawError,
    MissingDependencyError,
    ResourceError,
    UsageError,
)
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.image_processors import load_image_processor, what_the_model_sees
from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder
from macaw_cli.encoders.source import explain, quiet_transformers

SETTINGS = EncoderSettings()


def test_no_encoder_set_names_the_key_and_the_option():
    with pytest.raises(UsageError, match=r"features\.image_encoder\.model.*--image-encoder"):
        load_image_encoder(SETTINGS, "", "cpu")


def test_a_folder_that_is_no_model_is_told(tmp_path):
    with pytest.raises(InputError, match=r"no config\.json"):
        load_image_encoder(SETTINGS, str(tmp_path), "cpu")
    with pytest.raises(InputError, match=r"does not exist"):
        load_image_encoder(SETTINGS, "./not/there", "cpu")


def test_a_model_that_is_not_here_offline_says_what_to_download(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MissingDependencyError, match="nobody/no-such-clip"):
        load_image_encoder(SETTINGS, "nobody/no-such-clip", "cpu")


def test_a_gated_model_says_where_to_accept_and_how_to_log_in():
    import httpx2 as httpx
    from huggingface_hub.errors import GatedRepoError

    error = OSError("gated")
    error.__cause__ = GatedRepoError("gated", response=httpx.Response(403, request=httpx.Request("GET", "https://x")))
    told = explain("some/model", error)
    assert "huggingface.co/some/model" in told.hint and "hf auth login" in told.hint


def test_an_encoder_of_the_other_kind_is_a_usage_error(whisper_folder, clip_folder):
    with pytest.raises(UsageError, match="architectures"):
        load_image_encoder(SETTINGS, str(whisper_folder), "cpu")
    with pytest.raises(UsageError, match="found clip"):
        load_audio_encoder(SETTINGS, str(clip_folder), "cpu")


def test_missing_or_cut_weights_are_told(clip_folder, tmp_path):
    folder = tmp_path / "cut"
    shutil.copytree(clip_folder, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])
    with pytest.raises(DamagedError, match="cut"):
        load_image_encoder(SETTINGS, str(folder), "cpu")
    weights.unlink()
    with pytest.raises(InputError, match="cannot be loaded"):
        load_image_encoder(SETTINGS, str(folder), "cpu")


def test_weights_of_half_a_model_are_refused_instead_of_invented(clip_folder, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "half"
    shutil.copytree(clip_folder, folder)
    weights = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if "layers.1" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"no weights for \d+ parts"):
        load_image_encoder(SETTINGS, str(folder), "cpu")


def test_an_image_processor_of_another_size_than_the_tower_is_told(clip_folder, tmp_path):
    folder = tmp_path / "clip"
    shutil.copytree(clip_folder, folder)
    CLIPImageProcessorPil(size={"shortest_edge": 72}, crop_size={"height": 72, "width": 72}).save_pretrained(folder)
    with pytest.raises(UsageError, match=r"image_size`: expected 72.* 64"):
        load_image_encoder(SETTINGS, str(folder), "cpu")
    assert load_image_encoder(EncoderSettings(image_size=72), str(folder), "cpu").feature_shape == (81, 24)
    CLIPImageProcessorPil(size={"shortest_edge": 64}, do_center_crop=False).save_pretrained(folder)
    with pytest.raises(UsageError, match=r"image_size.*64"):
        load_image_encoder(SETTINGS, str(folder), "cpu")


@pytest.mark.parametrize(("written", "kind", "size"), [
    ({"feature_extractor_type": "CLIPFeatureExtractor", "crop_size": 224, "do_center_crop": True, "size": 224},
     "CLIPImageProcessorPil", {"shortest_edge": 224}),
    ({"crop_size": 224, "do_center_crop": True, "size": 224}, "CLIPImageProcessorPil", {"shortest_edge": 224}),
    ({"image_processor_type": "SiglipImageProcessorFast", "size": {"height": 384, "width": 384}},
     "SiglipImageProcessorPil", {"height": 384, "width": 384}),
    ({"image_processor_type": "Siglip2ImageProcessorFast", "max_num_patches": 256}, "Siglip2ImageProcessorPil", None),
    ({"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 256}, "crop_size": 224},
     "BitImageProcessorPil", {"shortest_edge": 256}),
])  # fmt: skip
def test_processor_files_of_every_age_are_read_as_the_pil_form(tmp_path, written, kind, size):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(written))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "clip"}))
    with quiet_transformers():
        processor = load_image_processor(str(tmp_path))
    assert type(processor).__name__ == kind
    assert what_the_model_sees(processor).get("size") == size


@pytest.mark.parametrize(
    "wrong", [{"resample": [[3]]}, {"resample": 17}, {"patch_size": "big"}, {"image_mean": [[0.5]]},
              {"size": {"shortest_edge": -1}}],
)  # fmt: skip
def test_a_processor_with_impossible_settings_is_refused(tmp_path, wrong):
    usual = {"image_processor_type": "CLIPImageProcessor", "crop_size": 32, "size": 32}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({**usual, **wrong}))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "clip"}))
    with quiet_transformers(), pytest.raises(MacawError):
        load_image_processor(str(tmp_path))


def test_fingerprints_of_clip_and_whisper_have_the_fields_they_always_had(clip_folder, whisper_folder):
    """A field more, and every store made before would be refused."""
    fields = {"model", "architecture", "weights", "layer", "cls", "post_layernorm", "projection", "l2", "preprocessing",
              "precision", "dtype"}  # fmt: skip
    image = load_image_encoder(SETTINGS, str(clip_folder), "cpu").fingerprint
    audio = load_audio_encoder(SETTINGS, str(whisper_folder), "cpu").fingerprint
    assert set(image) == set(audio) == fields
    assert image["preprocessing"] == {
        "crop_size": {"height": 64, "width": 64}, "do_center_crop": True, "do_normalize": True, "do_rescale": True,
        "do_resize": True, "image_mean": [0.48145466, 0.4578275, 0.40821073], "resample": 3,
        "image_std": [0.26862954, 0.26130258, 0.27577711], "rescale_factor": 1 / 255, "size": {"shortest_edge": 64},
    }  # fmt: skip
    assert audio["preprocessing"] == {
        "chunk_length": 2, "dither": 0.0, "feature_size": 80, "hop_length": 160, "n_fft": 400, "padding_value": 0.0,
        "sampling_rate": 16000,
    }  # fmt: skip


def test_a_gpu_that_is_not_there_is_told(clip_folder):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ResourceError, match="no CUDA device"):
        load_image_encoder(SETTINGS, str(clip_folder), "cuda")
