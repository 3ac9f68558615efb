"""Tokens one at a time: the same as transformers' own generate, and text as it becomes certain."""

import pytest
import torch

from macaw_cli.chat.generation import Answer, choose, generate, tokens_after
from macaw_cli.config.settings import ChatSettings


def answer_of(model, tokenizer, prompt, settings, stop_ids=frozenset(), seed=0):
    answer = Answer()
    pieces = list(generate(model, tokenizer, prompt, {}, settings, answer=answer, stop_ids=stop_ids, seed=seed))
    return answer, pieces


def test_greedy_tokens_equal_those_of_transformers(tiny_llm):
    prompt = [5, 9, 30, 7]
    fixed = {"max_new_tokens": 20, "do_sample": False, "eos_token_id": None, "pad_token_id": 1}
    expected = tiny_llm.generate(torch.tensor([prompt]), **fixed)
    assert list(tokens_after(tiny_llm, prompt, {}, ChatSettings(max_new_tokens=20))) == expected[0, 4:].tolist()


def test_the_pieces_join_to_the_answer_and_are_counted(tiny_llm, byte_tokenizer):
    answer, pieces = answer_of(tiny_llm, byte_tokenizer, [5, 9], ChatSettings(max_new_tokens=12))
    assert "".join(pieces) == answer.text
    assert (answer.prompt_tokens, answer.completion_tokens, answer.ending) == (2, 12, "length")
    assert answer.first_token_s > 0
    assert answer.tokens_per_s > 0


def test_a_stop_token_ends_the_answer_and_is_not_part_of_it(tiny_llm, byte_tokenizer):
    tokens = list(tokens_after(tiny_llm, [5, 9], {}, ChatSettings(max_new_tokens=12)))
    stop = next(token for number, token in enumerate(tokens) if number >= 3 and token not in tokens[:number])
    answer, _ = answer_of(tiny_llm, byte_tokenizer, [5, 9], ChatSettings(max_new_tokens=12), frozenset([stop]))
    assert answer.ending == "end"
    assert answer.completion_tokens == tokens.index(stop)


def test_half_a_character_waits_for_its_other_half(byte_tokenizer):
    """The two bytes of e-acute are two tokens; no piece may hold a replacement character."""
    wanted = byte_tokenizer("caf\u00e9!", add_special_tokens=False)["input_ids"]
    answer = Answer()
    stop_ids = frozenset([1])
    pieces = list(generate(Reciting(wanted), byte_tokenizer, [5], {}, ChatSettings(), answer=answer, stop_ids=stop_ids))
    assert pieces == ["c", "a", "f", "\u00e9", "!"]
    assert answer.ending == "end"


def test_an_answer_that_ends_in_half_a_character_keeps_the_rest(byte_tokenizer):
    wanted = byte_tokenizer("caf\u00e9", add_special_tokens=False)["input_ids"][:-1]
    answer = Answer()
    list(generate(Reciting(wanted), byte_tokenizer, [5], {}, ChatSettings(), answer=answer, stop_ids=frozenset([1])))
    assert answer.text == "caf\ufffd"


def test_sampling_is_repeated_by_its_seed(tiny_llm, byte_tokenizer):
    settings = ChatSettings(temperature=1.5, max_new_tokens=20)
    texts = [answer_of(tiny_llm, byte_tokenizer, [5, 9], settings, seed=seed)[0].text for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(("top_p", "possible"), [(0.01, {2}), (0.6, {2, 0}), (1.0, {0, 1, 2})])
def test_top_p_keeps_the_likeliest_tokens(top_p, possible):
    logits = torch.tensor([0.3, 0.15, 0.55]).log()
    dice = torch.Generator().manual_seed(0)
    settings = ChatSettings(temperature=1.0, top_p=top_p)
    assert {choose(logits, settings, dice) for _ in range(200)} == possible


class Reciting:
    """A model in name only: says the given tokens and then ends, to place a character border where it hurts."""

    device = torch.device("cpu")

    def __init__(self, tokens):
        self._tokens = iter([*tokens, 1])

    def __call__(self, **_):
        self.logits = torch.nn.functional.one_hot(torch.tensor([[next(self._tokens)]]), 300).float()
        self.past_key_values = None
        return self
