"""Configurations of tiny LLMs of many architectures, all with 60 ids and a width of 32."""

from transformers import (
    CohereConfig,
    Gemma2Config,
    GemmaConfig,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    OPTConfig,
    Phi3Config,
    PhiConfig,
    Qwen2Config,
    Qwen3Config,
)

SIZES = dict(vocab_size=60, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4)
GROUPED = dict(**SIZES, num_key_value_heads=2, max_position_embeddings=256)
ENDS = dict(bos_token_id=0, eos_token_id=1, pad_token_id=0)

LLMS = {
    "llama": LlamaConfig(**GROUPED),
    "llama-tied": LlamaConfig(**GROUPED, tie_word_embeddings=True),
    "mistral": MistralConfig(**GROUPED, sliding_window=None),
    "mistral-sliding": MistralConfig(**GROUPED, sliding_window=4),
    "qwen3": Qwen3Config(**GROUPED, head_dim=8),
    "qwen2-tied": Qwen2Config(**GROUPED, tie_word_embeddings=True),
    "gemma": GemmaConfig(**GROUPED, head_dim=8),
    "gemma2": Gemma2Config(**GROUPED, head_dim=8, sliding_window=4),
    "cohere": CohereConfig(**GROUPED, **ENDS),
    "phi": PhiConfig(**GROUPED),
    "phi3": Phi3Config(**GROUPED, **ENDS),
    "neox": GPTNeoXConfig(**SIZES, max_position_embeddings=256),
    "gpt2": GPT2Config(vocab_size=60, n_embd=32, n_layer=2, n_head=4, n_positions=256, bos_token_id=0, eos_token_id=1),
    "opt": OPTConfig(
        vocab_size=60, hidden_size=32, ffn_dim=48, num_hidden_layers=2, num_attention_heads=4, word_embed_proj_dim=32,
        max_position_embeddings=256,
    ),
    "opt-behind": OPTConfig(
        vocab_size=60, hidden_size=32, ffn_dim=48, num_hidden_layers=2, num_attention_heads=4, word_embed_proj_dim=32,
        max_position_embeddings=256, do_layer_norm_before=False,
    ),
    "opt-projected": OPTConfig(
        vocab_size=60, hidden_size=32, ffn_dim=48, num_hidden_layers=2, num_attention_heads=4, word_embed_proj_dim=16,
        max_position_embeddings=256,
    ),
}  # fmt: skip
"""Name to configuration; gemma2 and cohere change their logits behind the head, phi's head has biases."""


def make(name, folder, tokenizer, seed=0):
    """Write an LLM of `LLMS` with random weights and the vocabulary of a tokenizer; returns the folder."""
    import copy

    import torch
    from transformers import AutoModelForCausalLM

    config = copy.deepcopy(LLMS[name])
    config.update({"vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1,
                   "initializer_range": 0.2, "max_position_embeddings": 768})  # fmt: skip
    torch.manual_seed(seed)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
