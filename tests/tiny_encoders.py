"""Tiny checkpoints of every encoder architecture, random weights from configuration objects, real folders."""

import torch

from macaw_cli.encoders.source import quiet_transformers

TOWER = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 40}
TEXT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 20,
        "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip
SPEECH = TOWER | {"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2, "conv_dim": (8,) * 7}
IMAGE_KINDS = ("clip", "siglip", "siglip_tower", "siglip2", "dinov2", "dinov2_with_registers")
AUDIO_KINDS = ("whisper", "whisper128", "wav2vec2", "wav2vec2_stable", "hubert", "wavlm", "wav2vec2_bert")


def make(kind, folder, seed=0):
    """Write the checkpoint `kind` with its processor to `folder`."""
    torch.manual_seed(seed)
    with quiet_transformers():
        for part in globals()[f"_{kind}"]():
            part.save_pretrained(folder)
    return folder


def _clip():
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    vision = TOWER | {"image_size": 32, "patch_size": 8}
    yield CLIPModel(CLIPConfig(text_config=TEXT, vision_config=vision, projection_dim=24))
    yield CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})


def _siglip():
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel

    vision = TOWER | {"image_size": 32, "patch_size": 8}
    yield SiglipModel(SiglipConfig(text_config=TEXT, vision_config=vision))
    yield SiglipImageProcessorPil(size={"height": 32, "width": 32})


def _siglip_tower():
    from transformers import SiglipImageProcessorPil, SiglipVisionConfig, SiglipVisionModel

    yield SiglipVisionModel(SiglipVisionConfig(**TOWER, image_size=32, patch_size=8))
    yield SiglipImageProcessorPil(size={"height": 32, "width": 32})


def _siglip2():
    from transformers import Siglip2Config, Siglip2ImageProcessorPil, Siglip2Model

    vision = TOWER | {"num_patches": 16, "patch_size": 8}
    yield Siglip2Model(Siglip2Config(text_config=TEXT, vision_config=vision))
    yield Siglip2ImageProcessorPil(patch_size=8, max_num_patches=20)


def _bit_processor():
    from transformers import BitImageProcessorPil

    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    crop = {"height": 28, "width": 28}
    return BitImageProcessorPil(size={"shortest_edge": 32}, crop_size=crop, image_mean=mean, image_std=std)


def _dinov2():
    from transformers import Dinov2Config, Dinov2Model

    sizes = {name: value for name, value in TOWER.items() if name != "intermediate_size"}
    yield Dinov2Model(Dinov2Config(**sizes, image_size=70, patch_size=14))
    yield _bit_processor()


def _dinov2_with_registers():
    from transformers import Dinov2WithRegistersConfig, Dinov2WithRegistersModel

    sizes = {name: value for name, value in TOWER.items() if name != "intermediate_size"}
    config = Dinov2WithRegistersConfig(**sizes, image_size=70, patch_size=14, num_register_tokens=3)
    model = Dinov2WithRegistersModel(config)
    torch.nn.init.normal_(model.embeddings.register_tokens)
    yield model
    yield _bit_processor()


def _whisper(mel_bins=80):
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    config = WhisperConfig(
        d_model=32, encoder_layers=3, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=32, decoder_ffn_dim=32, max_source_positions=100, vocab_size=60, num_mel_bins=mel_bins,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, suppress_tokens=[],
        begin_suppress_tokens=[3],
    )  # fmt: skip
    yield WhisperForConditionalGeneration(config)
    yield WhisperFeatureExtractor(feature_size=mel_bins, chunk_length=2)


def _whisper128():
    return _whisper(128)


def _wav2vec2():
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    yield Wav2Vec2ForCTC(Wav2Vec2Config(**SPEECH, vocab_size=12))
    yield Wav2Vec2FeatureExtractor(do_normalize=True)


def _wav2vec2_stable():
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    yield Wav2Vec2Model(Wav2Vec2Config(**SPEECH, do_stable_layer_norm=True, feat_extract_norm="layer"))
    yield Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True)


def _hubert():
    from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

    yield HubertModel(HubertConfig(**SPEECH))
    yield Wav2Vec2FeatureExtractor(do_normalize=False)


def _wavlm():
    from transformers import Wav2Vec2FeatureExtractor, WavLMConfig, WavLMModel

    yield WavLMModel(WavLMConfig(**SPEECH))
    yield Wav2Vec2FeatureExtractor(do_normalize=False)


def _wav2vec2_bert():
    from transformers import SeamlessM4TFeatureExtractor, Wav2Vec2BertConfig, Wav2Vec2BertModel

    yield Wav2Vec2BertModel(Wav2Vec2BertConfig(**TOWER, feature_projection_input_dim=160))
    yield SeamlessM4TFeatureExtractor()
