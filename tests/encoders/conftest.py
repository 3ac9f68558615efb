import pytest
import torch

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
