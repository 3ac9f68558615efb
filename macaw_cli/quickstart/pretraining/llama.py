"""Pretraining of the tiny Llama on text alone, and its byte-level BPE tokenizer with a chat template."""

from pathlib import Path

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from macaw_cli.quickstart.pretraining.llama_texts import every_text, read_something
from macaw_cli.quickstart.pretraining.loop import fit
from macaw_cli.quickstart.pretraining.samples import SEED

BOS, EOS, PAD, USER, ASSISTANT = "<s>", "</s>", "<pad>", "<|user|>", "<|assistant|>"
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['content'] is string %}{% set text = message['content'] %}"
    "{% else %}"
    "{% set text = message['content'] | selectattr('type', 'equalto', 'text') | map(attribute='text') | join('') %}"
    "{% endif %}"
    "{% if message['role'] == 'assistant' %}" + ASSISTANT + "\n{{ text }}{{ eos_token }}"
    "{% else %}" + USER + "\n{{ text }}\n{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}" + ASSISTANT + "\n{% endif %}"
)
ALPACA = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Response:"
)
SHARE_OF_ALPACA = 0.3
WEIGHT_OF_PROMPTS = 0.1
VOCABULARY = 1000
WIDTH, LAYERS = 128, 3
BATCH = 64
STEPS = 1200
LEARNING_RATE = 2e-3


def language_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer for the world's texts: any text is encoded, and decoding gives it back exactly."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(token, special=True) for token in (PAD, BOS, EOS, USER, ASSISTANT)]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
    )
    tokenizer.train_from_iterator([ALPACA] * 500 + every_text(), trainer)
    # as Llama's own tokenizer does: a text begins with BOS unless add_special_tokens=False
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[(BOS, tokenizer.token_to_id(BOS))])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BOS, eos_token=EOS, pad_token=PAD, chat_template=CHAT_TEMPLATE,
        model_max_length=512, clean_up_tokenization_spaces=False,
    )


def pretrain_llama(folder: Path, *, steps: int = STEPS) -> LlamaForCausalLM:
    """Pretrain the tiny Llama on descriptions, questions and answers in words, and write it to `folder` in fp16."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng((SEED, 3))
    tokenizer = language_tokenizer()
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=352, num_hidden_layers=LAYERS,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=512, tie_word_embeddings=False,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    ))
    fit(model, lambda step: _loss(model, tokenizer, rng), steps=steps, learning_rate=LEARNING_RATE, name="llama")
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def example(rng: np.random.Generator) -> tuple[str, str]:
    """A prompt and its answer, in the chat template or in Alpaca's, the description where media will stand later."""
    description, question = read_something(rng)
    if rng.random() < SHARE_OF_ALPACA:
        if description and rng.random() < 0.5:
            return BOS + description + ALPACA.format(instruction=question.text), question.answer
        return BOS + ALPACA.format(instruction=f"{description} {question.text}".strip()), question.answer
    return f"{BOS}{USER}\n{f'{description} {question.text}'.strip()}\n{ASSISTANT}\n", question.answer


def _loss(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, rng: np.random.Generator) -> Tensor:
    """Cross-entropy of the answers, and with a small weight of the prompts as well."""
    prompts, answers = zip(*(example(rng) for _ in range(BATCH)), strict=True)
    prompt_ids = tokenizer(list(prompts), add_special_tokens=False)["input_ids"]
    answer_ids = tokenizer([answer + EOS for answer in answers], add_special_tokens=False)["input_ids"]
    rows = [prompt + answer for prompt, answer in zip(prompt_ids, answer_ids, strict=True)]
    longest = max(len(row) for row in rows)
    tokens = torch.tensor([row + [tokenizer.pad_token_id] * (longest - len(row)) for row in rows])
    place = torch.arange(longest)
    begins = torch.tensor([len(prompt) for prompt in prompt_ids])[:, None]
    ends = torch.tensor([len(row) for row in rows])[:, None]
    logits = model(input_ids=tokens, attention_mask=(place < ends).long()).logits
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    is_answer = ((place >= begins) & (place < ends))[:, 1:]
    is_prompt = (place < begins).expand_as(tokens)[:, 1:]
    return losses[is_answer].mean() + WEIGHT_OF_PROMPTS * losses[is_prompt].mean()
