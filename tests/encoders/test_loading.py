import shutil

import pytest

from macaw_cli.basics.errors import InputError, MissingDependencyError, ResourceError, UsageError
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder
from macaw_cli.encoders.source import explain

SETTINGS = EncoderSettings()


def test_no_encoder_set_names_the_key_and_the_option():
    with pytest.raises(UsageError, match=r"features\.image_encoder\.model.*--image-encoder"):
        load_image_encoder(SETTINGS, "", "cpu")


def test_a_folder_that_is_no_model_is_told(tmp_path):
    with pytest.raises(InputError, match=r"no config\.json"):
        load_image_encoder(SETTINGS, str(tmp_path), "cpu")
    with pytest.raises(InputError, match=r"no config\.json"):
        load_image_encoder(SETTINGS, "./not/there", "cpu")


def test_a_model_that_is_not_here_offline_says_what_to_download(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MissingDependencyError, match="hf download nobody/no-such-clip"):
        load_image_encoder(SETTINGS, "nobody/no-such-clip", "cpu")


def test_a_gated_model_says_where_to_accept_and_how_to_log_in():
    import httpx2 as httpx
    from huggingface_hub.errors import GatedRepoError

    error = OSError("gated")
    error.__cause__ = GatedRepoError("gated", response=httpx.Response(403, request=httpx.Request("GET", "https://x")))
    told = explain("some/model", error)
    assert "huggingface.co/some/model" in told.hint and "hf auth login" in told.hint


def test_an_encoder_of_the_other_kind_is_a_usage_error(whisper_folder, clip_folder):
    with pytest.raises(UsageError, match=r"expected one of the architectures clip.*found whisper"):
        load_image_encoder(SETTINGS, str(whisper_folder), "cpu")
    with pytest.raises(UsageError, match="found clip"):
        load_audio_encoder(SETTINGS, str(clip_folder), "cpu")


def test_missing_or_cut_weights_are_told(clip_folder, tmp_path):
    folder = tmp_path / "cut"
    shutil.copytree(clip_folder, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])
    with pytest.raises(InputError, match="cannot be loaded"):
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


def test_a_gpu_that_is_not_there_is_told(clip_folder):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ResourceError, match="no CUDA device"):
        load_image_encoder(SETTINGS, str(clip_folder), "cuda")
