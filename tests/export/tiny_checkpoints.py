"""Tiny checkpoints of the families that can be imported: random weights in stock classes, saved as published ones."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

import macaw_cli.quickstart
from macaw_cli.encoders.source import quiet_transformers

LLAMA = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
TOWER = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 2}
TOKENIZER = Path(macaw_cli.quickstart.__file__).parent / "pretrained" / "llama"


def tokenizer(*tokens):
    """That of the quickstart's LLM, with further special tokens, and without its chat template."""
    from transformers import AutoTokenizer

    made = AutoTokenizer.from_pretrained(TOKENIZER)
    made.add_special_tokens({"additional_special_tokens": list(tokens)})
    made.chat_template = None
    return made


def randomised(model, seed=0):
    """All weights away from their initial values: norms are no ones, biases are no zeros."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.1 * noise if parameter.dim() == 1 and "norm" in name else 0.15 * noise)
    return model.eval()


def save(folder, *parts):
    """Write a model and its processor."""
    with quiet_transformers():
        for part in parts:
            part.save_pretrained(folder)
    return folder


def image(seed=0, size=(40, 50)):
    """An image of noise."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8))


def llama(words, **options):
    """Configuration of an LLM with three more rows than the tokenizer has tokens, as published ones are padded."""
    from transformers import LlamaConfig

    ends = {"bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id}
    return LlamaConfig(**LLAMA, vocab_size=len(words) + 3, **ends, **options)


def llava(folder, tower="clip", text=None, **options):
    """`LlavaForConditionalGeneration` over CLIP or SigLIP."""
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        SiglipVisionConfig,
    )

    words = tokenizer("<image>")
    kind = CLIPVisionConfig if tower == "clip" else SiglipVisionConfig
    config = LlavaConfig(
        vision_config=kind(**TOWER, image_size=32, patch_size=8), text_config=llama(words, **(text or {})),
        image_token_index=words.convert_tokens_to_ids("<image>"), **options,
    )  # fmt: skip
    model = randomised(LlavaForConditionalGeneration(config))
    pixels = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor = LlavaProcessor(
        pixels, words, patch_size=8, vision_feature_select_strategy=config.vision_feature_select_strategy,
        num_additional_image_tokens=int(tower == "clip"),
    )  # fmt: skip
    save(folder, model, processor)
    return model, processor


def waveform(seconds, seed=0):
    """Noise at 16 kHz."""
    return np.random.default_rng(seed).standard_normal(round(16000 * seconds)).astype(np.float32) * 0.1


def qwen2_audio(folder):
    """`Qwen2AudioForConditionalGeneration`; its window is 2 s long."""
    from transformers import (
        Qwen2AudioConfig,
        Qwen2AudioEncoderConfig,
        Qwen2AudioForConditionalGeneration,
        Qwen2AudioProcessor,
        Qwen2Config,
        WhisperFeatureExtractor,
    )

    words = tokenizer("<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>", "<|im_start|>", "<|im_end|>")
    tower = Qwen2AudioEncoderConfig(
        d_model=24, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=40, max_source_positions=100,
        num_mel_bins=16,
    )  # fmt: skip
    text = Qwen2Config(**LLAMA, num_key_value_heads=2, vocab_size=len(words) + 3)
    token = words.convert_tokens_to_ids("<|AUDIO|>")
    config = Qwen2AudioConfig(audio_config=tower, text_config=text, audio_token_index=token)
    model = randomised(Qwen2AudioForConditionalGeneration(config))
    processor = Qwen2AudioProcessor(WhisperFeatureExtractor(feature_size=16, chunk_length=2), words)
    save(folder, model, processor)
    return model, processor
