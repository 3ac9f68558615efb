"""Tiny checkpoints of stock classes that are built around one encoder of their own, saved as published ones."""

from tiny_checkpoints import LLAMA, TOWER, llama, randomised, save, tokenizer

WHISPER = {"encoder_layers": 2, "encoder_attention_heads": 2, "num_mel_bins": 16, "max_source_positions": 100}


def whisper(folder, width=24, inner=96):
    """A Whisper whose feed-forward layers are four times as wide as its layers, with a window of 2 s."""
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    config = WhisperConfig(
        **WHISPER, d_model=width, encoder_ffn_dim=inner, decoder_layers=1, decoder_attention_heads=2,
        decoder_ffn_dim=16, vocab_size=60, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    )  # fmt: skip
    save(folder, randomised(WhisperForConditionalGeneration(config)), WhisperFeatureExtractor(16, chunk_length=2))


def voxtral(folder):
    """`VoxtralForConditionalGeneration`, with a tokenizer that is not Mistral's."""
    from transformers import (
        ClapProcessor,
        VoxtralConfig,
        VoxtralEncoderConfig,
        VoxtralForConditionalGeneration,
        WhisperFeatureExtractor,
    )

    words = tokenizer("[AUDIO]", "[BEGIN_AUDIO]")
    tower = VoxtralEncoderConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=96, num_mel_bins=16,
        max_source_positions=100,
    )  # fmt: skip
    token = words.convert_tokens_to_ids("[AUDIO]")
    config = VoxtralConfig(audio_config=tower, text_config=llama(words), audio_token_id=token)
    model = randomised(VoxtralForConditionalGeneration(config))
    processor = ClapProcessor(WhisperFeatureExtractor(16, chunk_length=2), words)
    save(folder, model, processor)
    return model, processor


def internvl(folder, *, layer=-1, mean_pooling=True, scale=2, **text):
    """`InternVLForConditionalGeneration`, with the image processor of published ones."""
    from transformers import (
        GotOcr2ImageProcessorPil,
        InternVLConfig,
        InternVLForConditionalGeneration,
        InternVLVisionConfig,
        Qwen2Config,
    )

    words = tokenizer("<IMG_CONTEXT>", "<img>", "</img>")
    tower = InternVLVisionConfig(**TOWER, image_size=[32, 32], patch_size=[8, 8], use_mean_pooling=mean_pooling)
    sizes = {**LLAMA, "num_key_value_heads": 2, "vocab_size": len(words) + 3, **text}
    config = InternVLConfig(
        vision_config=tower, text_config=Qwen2Config(**sizes), downsample_ratio=1 / scale, vision_feature_layer=layer,
        image_token_id=words.convert_tokens_to_ids("<IMG_CONTEXT>"), image_seq_length=(4 // scale) ** 2,
        tie_word_embeddings=text.get("tie_word_embeddings", False),
    )  # fmt: skip
    model = randomised(InternVLForConditionalGeneration(config))
    pixels = GotOcr2ImageProcessorPil(size={"height": 32, "width": 32}, image_mean=[0.4, 0.5, 0.6])
    save(folder, model, words, pixels)
    return model, words, pixels


def glm_asr(folder, inner=96, **text):
    """`GlmAsrForConditionalGeneration` with its processor; its window is 2 s long."""
    from transformers import (
        GlmAsrConfig,
        GlmAsrEncoderConfig,
        GlmAsrForConditionalGeneration,
        GlmAsrProcessor,
        WhisperFeatureExtractor,
    )

    words = tokenizer("<|pad|>", "<|begin_of_audio|>", "<|end_of_audio|>")
    tower = GlmAsrEncoderConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=inner, num_mel_bins=16,
        max_position_embeddings=100,
    )  # fmt: skip
    config = GlmAsrConfig(
        audio_config=tower, text_config=llama(words, **text), audio_token_id=words.convert_tokens_to_ids("<|pad|>"),
        tie_word_embeddings=text.get("tie_word_embeddings", False),
    )  # fmt: skip
    model = randomised(GlmAsrForConditionalGeneration(config))
    processor = GlmAsrProcessor(WhisperFeatureExtractor(16, chunk_length=2), words)
    save(folder, model, processor)
    return model, processor


GEMMA = {"head_dim": 8, "num_key_value_heads": 2, "sliding_window": 6, "query_pre_attn_scalar": 8}


def gemma3_llm(folder, words, **options):
    """Gemma 3's LLM, its first layer seeing six tokens back, with the vocabulary of a tokenizer."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    ends = {"bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id}
    config = Gemma3TextConfig(
        **LLAMA, **GEMMA, vocab_size=len(words), layer_types=["sliding_attention", "full_attention"], **ends,
        max_position_embeddings=768, **options,
    )  # fmt: skip
    save(folder, randomised(Gemma3ForCausalLM(config)), words)
    return folder


def siglip(folder):
    """SigLIP's tower alone."""
    from transformers import SiglipImageProcessorPil, SiglipVisionConfig, SiglipVisionModel

    tower = randomised(SiglipVisionModel(SiglipVisionConfig(**TOWER, image_size=32, patch_size=8)))
    save(folder, tower, SiglipImageProcessorPil(size={"height": 32, "width": 32}))
