"""Pretraining of the tiny Whisper: it writes the caption of a sound, as the real one writes what is said."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import (
    PreTrainedTokenizerFast,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from macaw_cli.quickstart.pretraining.loop import fit
from macaw_cli.quickstart.pretraining.samples import RATE, SEED, captioned_audio
from macaw_cli.quickstart.pretraining.vocabulary import caption_tokenizer

WAVEFORMS = 12_000
BATCH = 64
STEPS = 1500
LEARNING_RATE = 2e-3
WIDTH = 64
SECONDS = 2
MELS = 40


def feature_extractor() -> WhisperFeatureExtractor:
    """The processor of the tiny Whisper: 40 mel bands, 2 seconds at 16 kHz are 200 frames."""
    return WhisperFeatureExtractor(feature_size=MELS, sampling_rate=RATE, chunk_length=SECONDS)


def pretrain_whisper(folder: Path, *, steps: int = STEPS, count: int = WAVEFORMS) -> WhisperForConditionalGeneration:
    """Pretrain the tiny Whisper and write it with its feature extractor and tokenizer to `folder`."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng((SEED, 2))
    waveforms, captions = zip(*captioned_audio(count, rng), strict=True)
    extractor, tokenizer = feature_extractor(), caption_tokenizer(captions)
    features = torch.cat([
        extractor(list(waveforms[begin : begin + 200]), sampling_rate=RATE, return_tensors="pt").input_features.half()
        for begin in range(0, len(waveforms), 200)
    ])
    tokens = tokenizer(list(captions), padding=True, return_tensors="pt")["input_ids"]
    model = WhisperForConditionalGeneration(_config(tokenizer))

    def loss_of(step: int) -> Tensor:
        chosen = torch.from_numpy(rng.integers(len(features), size=BATCH))
        labels = tokens[chosen, 1:].masked_fill(tokens[chosen, 1:] == tokenizer.pad_token_id, -100)
        heard = features[chosen].float()
        loss: Tensor = model(input_features=heard, decoder_input_ids=tokens[chosen, :-1], labels=labels).loss
        return loss

    fit(model, loss_of, steps=steps, learning_rate=LEARNING_RATE, name="whisper")
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def _config(tokenizer: PreTrainedTokenizerFast) -> WhisperConfig:
    special = {"bos_token_id": 1, "decoder_start_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    return WhisperConfig(
        vocab_size=len(tokenizer), num_mel_bins=MELS, d_model=WIDTH, encoder_layers=3, decoder_layers=1, dropout=0.1,
        encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=4 * WIDTH, decoder_ffn_dim=4 * WIDTH,
        max_source_positions=SECONDS * 50, max_target_positions=14, suppress_tokens=None, begin_suppress_tokens=None,
        **special,
    )
