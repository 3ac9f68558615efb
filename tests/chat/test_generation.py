"""Tokens one at a time: the same as transformers' own generate, and text as it becomes certain."""

import pytest
import torch
from transformers import GenerationConfig

from macaw_cli.chat.decoding import token_chooser
from macaw_cli.chat.generation import Answer, generate, tokens_after
from macaw_cli.config.settings import ChatSettings
from macaw_cli.model.answer_ends import end_tokens


def answer_of(model, tokenizer, prompt, settings, stop_ids=frozenset(), seed=0):
    answer = Answer()
    found = generate(model, tokenizer, prompt, {}, token_chooser(model, settings, seed), answer=answer,
                     stop_ids=stop_ids, max_new_tokens=settings.max_new_tokens)  # fmt: skip
    return answer, list(found)


def tokens_of(model, prompt, settings, seed=0):
    return list(tokens_after(model, prompt, {}, token_chooser(model, settings, seed), settings.max_new_tokens))


def likeliest(logits, _):
    return int(logits.argmax())


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
    assert tokens_of(tiny_llm, prompt, ChatSettings(max_new_tokens=20)) == expected[0, 4:].tolist()


@pytest.mark.filterwarnings("ignore:Passing .* will apply")
@pytest.mark.parametrize("option", ["repetition_penalty", "no_repeat_ngram_size", "suppress", "begin_suppress", "none"])
def test_penalties_of_the_models_own_config_act_as_in_transformers(tiny_llm, own_config, option):
    prompt, settings = torch.tensor([[5, 9, 30, 7]]), ChatSettings(max_new_tokens=20)
    plain = tokens_of(tiny_llm, [5, 9, 30, 7], settings)
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
    found = tokens_of(tiny_llm, [5, 9, 30, 7], settings)
    assert found == expected
    assert (found == plain) == (option == "none")


def test_the_models_own_config_samples_and_the_settings_override_it(tiny_llm, own_config):
    greedy = tokens_of(tiny_llm, [5, 9], ChatSettings(max_new_tokens=20))
    own_config(do_sample=True, temperature=3.0, top_k=50)
    sampled = [tokens_of(tiny_llm, [5, 9], ChatSettings(max_new_tokens=20), seed) for seed in (1, 1, 2)]
    assert sampled[0] == sampled[1] != sampled[2]
    assert tokens_of(tiny_llm, [5, 9], ChatSettings(max_new_tokens=20, temperature=0), 1) == greedy
    assert tokens_of(tiny_llm, [5, 9], ChatSettings(max_new_tokens=20, top_k=1), 1) == greedy
    own_config(repetition_penalty=1.7)
    penalised = tokens_of(tiny_llm, [5, 9], ChatSettings(max_new_tokens=20))
    assert tokens_of(tiny_llm, [5, 9], ChatSettings(max_new_tokens=20, repetition_penalty=1.0)) == greedy != penalised


@pytest.mark.parametrize("option", [{"top_p": 0.99}, {"top_k": 50}, {"min_p": 0.001}])
def test_an_option_of_sampling_turns_sampling_on(tiny_llm, option):
    greedy = tokens_of(tiny_llm, [5, 9], ChatSettings(max_new_tokens=20))
    assert tokens_of(tiny_llm, [5, 9], ChatSettings(max_new_tokens=20, **option), seed=1) != greedy


@pytest.mark.parametrize(("said", "ends"), [(None, set()), (7, {7}), ([7, 9], {7, 9})])
def test_every_end_token_of_the_models_own_config_counts(tiny_llm, own_config, said, ends):
    own_config(eos_token_id=said)
    assert end_tokens(tiny_llm) == ends


def test_the_pieces_join_to_the_answer_and_are_counted(tiny_llm, byte_tokenizer):
    answer, pieces = answer_of(tiny_llm, byte_tokenizer, [5, 9], ChatSettings(max_new_tokens=12))
    assert "".join(pieces) == answer.text
    assert (answer.prompt_tokens, answer.completion_tokens, answer.ending) == (2, 12, "length")
    assert answer.first_token_s > 0
    assert answer.tokens_per_s > 0


def test_a_stop_token_ends_the_answer_and_is_not_part_of_it(tiny_llm, byte_tokenizer):
    tokens = tokens_of(tiny_llm, [5, 9], ChatSettings(max_new_tokens=12))
    stop = next(token for number, token in enumerate(tokens) if number >= 3 and token not in tokens[:number])
    answer, _ = answer_of(tiny_llm, byte_tokenizer, [5, 9], ChatSettings(max_new_tokens=12), frozenset([stop]))
    assert answer.ending == "end"
    assert answer.completion_tokens == tokens.index(stop)


def test_half_a_character_waits_for_its_other_half(byte_tokenizer):
    """The two bytes of e-acute are two tokens; no piece may hold a replacement character."""
    wanted = byte_tokenizer("caf\u00e9!", add_special_tokens=False)["input_ids"]
    answer = Answer()
    said = generate(Reciting(wanted), byte_tokenizer, [5], {}, likeliest, answer=answer, stop_ids=frozenset([1]),
                    max_new_tokens=20)  # fmt: skip
    pieces = list(said)
    assert pieces == ["c", "a", "f", "\u00e9", "!"]
    assert answer.ending == "end"


def test_an_answer_that_ends_in_half_a_character_keeps_the_rest(byte_tokenizer):
    wanted = byte_tokenizer("caf\u00e9", add_special_tokens=False)["input_ids"][:-1]
    answer = Answer()
    said = generate(Reciting(wanted), byte_tokenizer, [5], {}, likeliest, answer=answer, stop_ids=frozenset([1]),
                    max_new_tokens=20)  # fmt: skip
    list(said)
    assert answer.text == "caf\ufffd"


def test_sampling_is_repeated_by_its_seed(tiny_llm, byte_tokenizer):
    settings = ChatSettings(temperature=1.5, max_new_tokens=20)
    texts = [answer_of(tiny_llm, byte_tokenizer, [5, 9], settings, seed=seed)[0].text for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(("top_p", "possible"), [(0.01, {2}), (0.6, {2, 0}), (1.0, {0, 1, 2})])
def test_top_p_keeps_the_likeliest_tokens(tiny_llm, top_p, possible):
    logits = torch.tensor([0.3, 0.15, 0.55]).log()
    choose = token_chooser(tiny_llm, ChatSettings(temperature=1.0, top_p=top_p))
    assert {choose(logits, []) for _ in range(200)} == possible


class Reciting:
    """A model in name only: says the given tokens and then ends, to place a character border where it hurts."""

    device = torch.device("cpu")

    def __init__(self, tokens):
        self._tokens = iter([*tokens, 1])

    def __call__(self, **_):
        self.logits = torch.nn.functional.one_hot(torch.tensor([[next(self._tokens)]]), 300).float()
        self.past_key_values = None
        return self
