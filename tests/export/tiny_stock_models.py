"""Tiny checkpoints of stock classes that are built around one encoder of their own, saved as published ones."""

from tiny_checkpoints import llama, randomised, save, tokenizer

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
