"""Log-likelihoods of answers by a text-only LLM, against the same sums over its plain output."""

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, PreTrainedTokenizerFast

from macaw_cli.inference import text_scoring
from macaw_cli.inference.text_scoring import TextScorer

WORDS = ["<s>", "</s>", "?", "what", "is", "a", "dog", "cat", "red", "ball", "the", "Answer:", "Question:", "runs"]
CONFIGS = {
    "llama": LlamaConfig(vocab_size=20, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                         num_attention_heads=4, max_position_embeddings=64),
    "gpt2": GPT2Config(vocab_size=20, n_embd=32, n_layer=2, n_head=4, n_positions=12, bos_token_id=0, eos_token_id=1),
}  # fmt: skip
PAIRS = [
    ("Question: what is a dog Answer:", "a red ball"),
    ("what Answer:", "cat"),
    ("a dog Answer:", "the cat runs ?"),
]


@pytest.fixture(params=CONFIGS)
def llm(request, tmp_path):
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(CONFIGS[request.param]).save_pretrained(tmp_path / "llm")
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>").save_pretrained(
        tmp_path / "llm"
    )
    return tmp_path / "llm"


def plainly(folder, prompt, answer):
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = [0, *map(WORDS.index, prompt.split())]
    told = list(map(WORDS.index, answer.split()))
    with torch.inference_mode():
        likely = model(torch.tensor([ids + told])).logits[0].log_softmax(-1)
    return sum(likely[len(ids) + place - 1, token].item() for place, token in enumerate(told)), len(told)


@pytest.mark.parametrize("batch_tokens", [1, 4096])
def test_each_answer_scores_as_it_does_alone_in_any_batch(llm, monkeypatch, batch_tokens):
    monkeypatch.setattr(text_scoring, "BATCH_TOKENS", batch_tokens)
    found = TextScorer(str(llm), "cpu").log_likelihoods(PAIRS)
    for (score, tokens), pair in zip(found, PAIRS, strict=True):
        expected, count = plainly(llm, *pair)
        assert tokens == count
        assert score == pytest.approx(expected, abs=1e-4)


def test_what_is_too_long_for_the_llm_is_cut(llm):
    scorer = TextScorer(str(llm), "cpu")
    ((score, tokens),) = scorer.log_likelihoods([("dog " * 5000, "cat " * 5000)])
    assert score < 0
    assert tokens in (11, 2047)
