"""Tiny random LLMs of every architecture that GGUF is written of, and their files."""

import torch
from tiny_checkpoints import LLAMA, randomised, tokenizer
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.export.gguf.architectures import ARCHITECTURES
from macaw_cli.export.gguf.file_writing import write_gguf
from macaw_cli.export.gguf.language_model import llm_keys, llm_tensors
from macaw_cli.export.gguf.vocabulary import vocabulary

LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}  # fmt: skip
GROUPED = {"num_key_value_heads": 2, "max_position_embeddings": 256}
CONFIGS = {
    "llama": (LlamaConfig, GROUPED | {"head_dim": 16}),
    "tied llama": (LlamaConfig, GROUPED | {"tie_word_embeddings": True}),
    "llama 3": (LlamaConfig, GROUPED | {"rope_parameters": LLAMA3}),
    "stretched llama": (
        LlamaConfig,
        GROUPED | {"rope_parameters": {"rope_type": "linear", "rope_theta": 5000.0, "factor": 2.0}},
    ),
    "mistral": (MistralConfig, GROUPED | {"sliding_window": 64}),
    "qwen2": (Qwen2Config, GROUPED | {"tie_word_embeddings": True}),
    "qwen3": (Qwen3Config, GROUPED | {"head_dim": 12}),
}


def llm(name, rows=None):
    """A model in evaluation mode, and its tokenizer, which has fewer tokens than the model has rows."""
    words = tokenizer()
    kind, more = CONFIGS[name]
    ids = {"bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id, "pad_token_id": None}
    with quiet_transformers():
        config = kind(**LLAMA, **more, vocab_size=rows or len(words) + 3, **ids)
        model = randomised(AutoModelForCausalLM.from_config(config))
    if config.tie_word_embeddings:
        model.tie_weights()
    return model, words


def write(path, model, words, number_format="f32", names=(), more=None, **keys):
    """Write a file, and return its path."""
    config = model.config
    rows = config.vocab_size
    made = {**llm_keys(config, rows + len(names)), **vocabulary(words, rows, names).keys, **keys}
    tensors = llm_tensors(config, model.state_dict(), more)
    write_gguf(path, ARCHITECTURES[config.model_type].name, made, tensors, number_format)
    return path


@torch.inference_mode()
def logits(model, ids):
    """(T, V) of one row of ids."""
    return model(torch.tensor([ids])).logits[0].float().numpy()


@torch.inference_mode()
def greedy(model, ids, count):
    """The `count` likeliest tokens behind `ids`, ends of an answer included."""
    made = list(ids)
    while len(made) < len(ids) + count:
        made.append(int(model(torch.tensor([made])).logits[0, -1].argmax()))
    return made[len(ids) :]
