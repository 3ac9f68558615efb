
import numpy as np
import pytest
import tiny_encoders
import torch
from PIL import Image

from macaw_cli.encoders.source import quiet_transformers


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory):
    """A whole CLIP (text and vision) of the published architecture, 64 px, with its processor."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    torch.manual_seed(0)
    text = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
            "vocab_size": 99, "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip
    vision = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
              "image_size": 64, "patch_size": 8}  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "tiny-clip"
    with quiet_transformers():
        CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)).save_pretrained(folder)
        CLIPImageProcessorPil(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def whisper_folder(tmp_path_factory):
    """A whole Whisper (encoder and decoder) that hears two seconds, with its feature extractor."""
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    torch.manual_seed(1)
    config = WhisperConfig(
        d_model=32, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=32, decoder_ffn_dim=32, max_source_positions=100, vocab_size=60, num_mel_bins=80,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, suppress_tokens=[],
        begin_suppress_tokens=[3],
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "tiny-whisper"
    with quiet_transformers():
        WhisperForConditionalGeneration(config).save_pretrained(folder)
        WhisperFeatureExtractor(feature_size=80, chunk_length=2).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """Name of an architecture to a folder with its tiny checkpoint, made when first asked for."""
    made = {}

    def folder(kind):
        if kind not in made:
            made[kind] = tiny_encoders.make(kind, tmp_path_factory.mktemp("encoders") / kind)
        return str(made[kind])

    return folder


@pytest.fixture(scope="session")
def pictures():
    """Four images of noise with different proportions."""
    dice = np.random.default_rng(0)
    sizes = ((40, 70), (64, 33), (90, 90), (31, 47))
    return [Image.fromarray(dice.integers(0, 256, (*size, 3), np.uint8)) for size in sizes]


@pytest.fixture(scope="session")
def audio_files():
    """Five audio files of noise at 16 kHz; two are equally long, one is as short as a click."""
    dice = np.random.default_rng(1)
    return [dice.standard_normal(length).astype(np.float32) / 10 for length in (8000, 21_250, 8000, 30_000, 300)]
