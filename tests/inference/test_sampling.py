"""Tokens chosen as transformers' own generate chooses them, with what a request says over the model's own config."""

import pytest
import torch
from transformers import GenerationConfig

from macaw_cli.inference.engine import Engine
from macaw_cli.inference.requests import GenerationRequest, TokenEvent
from macaw_cli.inference.sampling import GREEDY, Sampling, TokenChooser
from macaw_cli.model.text.answer_ends import end_tokens


def tokens_of(model, prompt, sampling=None, seed=0):
    request = GenerationRequest(prompt=prompt, sampling=sampling or Sampling(), seed=seed, max_new_tokens=20)
    events = Engine(model, Silent(), frozenset()).generate([request])
    return [event.token for event in events if isinstance(event, TokenEvent)]


class Silent:
    """A tokenizer for tests that look at tokens alone."""

    def decode(self, tokens, **_):
        return ""


@pytest.fixture
def own_config(tiny_llm):
    """Sets what the model's `generation_config` says, for one test."""
    before = tiny_llm.generation_config

    def set_config(**options):
        tiny_llm.generation_config = GenerationConfig(**options)

    yield set_config
    tiny_llm.generation_config = before


def test_greedy_tokens_equal_those_of_transformers(tiny_llm):
    prompt = [5, 9, 30, 7]
    fixed = {"max_new_tokens": 20, "do_sample": False, "eos_token_id": None, "pad_token_id": 1}
    expected = tiny_llm.generate(torch.tensor([prompt]), **fixed)
    assert tokens_of(tiny_llm, prompt) == expected[0, 4:].tolist()


@pytest.mark.filterwarnings("ignore:Passing .* will apply")
@pytest.mark.parametrize("option", ["repetition_penalty", "no_repeat_ngram_size", "suppress", "begin_suppress", "none"])
def test_penalties_of_the_models_own_config_act_as_in_transformers(tiny_llm, own_config, option):
    prompt = torch.tensor([[5, 9, 30, 7]])
    plain = tokens_of(tiny_llm, [5, 9, 30, 7])
    options = {
        "repetition_penalty": {"repetition_penalty": 5.0},
        "no_repeat_ngram_size": {"no_repeat_ngram_size": 1},
        "suppress": {"suppress_tokens": plain[3:6]},
        "begin_suppress": {"begin_suppress_tokens": plain[:1]},
        "none": {"do_sample": False},
    }
    own_config(**options[option])
    embeds = tiny_llm.get_input_embeddings()(prompt)  # as with media: penalties look at new tokens alone
    fixed = {"max_new_tokens": 20, "eos_token_id": None, "pad_token_id": 1}
    expected = tiny_llm.generate(inputs_embeds=embeds, attention_mask=torch.ones_like(prompt), **fixed)[0].tolist()
    found = tokens_of(tiny_llm, [5, 9, 30, 7])
    assert found == expected
    assert (found == plain) == (option == "none")


def test_the_models_own_config_samples_and_the_settings_override_it(tiny_llm, own_config):
    greedy = tokens_of(tiny_llm, [5, 9])
    own_config(do_sample=True, temperature=3.0, top_k=50)
    sampled = [tokens_of(tiny_llm, [5, 9], seed=seed) for seed in (1, 1, 2)]
    assert sampled[0] == sampled[1] != sampled[2]
    assert tokens_of(tiny_llm, [5, 9], Sampling(temperature=0), 1) == greedy
    assert tokens_of(tiny_llm, [5, 9], Sampling(top_k=1), 1) == greedy
    own_config(repetition_penalty=1.7)
    penalised = tokens_of(tiny_llm, [5, 9])
    assert tokens_of(tiny_llm, [5, 9], Sampling(repetition_penalty=1.0)) == greedy != penalised


@pytest.mark.parametrize("option", [{"top_p": 0.99}, {"top_k": 50}, {"min_p": 0.001}])
def test_an_option_of_sampling_turns_sampling_on(tiny_llm, option):
    greedy = tokens_of(tiny_llm, [5, 9])
    assert tokens_of(tiny_llm, [5, 9], Sampling(**option), seed=1) != greedy


@pytest.mark.parametrize(("said", "ends"), [(None, set()), (7, {7}), ([7, 9], {7, 9})])
def test_every_end_token_of_the_models_own_config_counts(tiny_llm, own_config, said, ends):
    own_config(eos_token_id=said)
    assert end_tokens(tiny_llm) == ends


@pytest.mark.parametrize(("top_p", "possible"), [(0.01, {2}), (0.6, {2, 0}), (1.0, {0, 1, 2})])
def test_top_p_keeps_the_likeliest_tokens(tiny_llm, top_p, possible):
    logits = torch.tensor([0.3, 0.15, 0.55]).log()
    choose = TokenChooser(tiny_llm, Sampling(temperature=1.0, top_p=top_p))
    assert {choose(logits, []) for _ in range(200)} == possible


def test_greedy_takes_the_likeliest_token_whatever_the_models_config_says(tiny_llm, own_config):
    plain = tokens_of(tiny_llm, [5, 9])
    own_config(do_sample=True, temperature=3.0, repetition_penalty=5.0, no_repeat_ngram_size=1)
    assert tokens_of(tiny_llm, [5, 9], GREEDY) == plain
    assert TokenChooser(tiny_llm, GREEDY).is_argmax
