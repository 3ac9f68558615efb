"""One engine: batched answers are those of each prompt alone, and a conversation goes on from its cache."""

import pytest
import torch
from small_engine import SHAPES, image, model_with, prompt, requests_of, tokens_of
from transformers import GPT2Config, GPT2LMHeadModel, MambaConfig, MambaForCausalLM

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.bridges.linear import LinearBridgeSettings
from macaw_cli.inference.conversation_cache import ConversationCache
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.requests import EndEvent, GenerationRequest, TokenEvent
from macaw_cli.inference.sampling import GREEDY, Sampling
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.modeling import MacawForConditionalGeneration


@pytest.fixture(scope="module")
def model():
    return model_with()


@pytest.fixture
def engine(model, byte_tokenizer):
    return Engine(model, byte_tokenizer, frozenset())


def test_batched_answers_are_those_of_each_prompt_alone(model, engine):
    requests = requests_of(model)
    together = tokens_of(engine.generate(requests))
    assert together == [tokens_of(engine.generate([request]))[0] for request in requests]
    assert len({tuple(tokens) for tokens in together}) == 3


def test_a_greedy_answer_is_that_of_transformers_generate(model, engine):
    request = requests_of(model)[0]
    expected = model.generate(
        torch.tensor([request.prompt]), image_features=[image(1)], max_new_tokens=8, do_sample=False, eos_token_id=None
    )
    assert tokens_of(engine.generate([request]))[0] == expected[0, len(request.prompt) :].tolist()


def test_a_seed_gives_the_same_answer_whatever_else_is_generated(model, engine):
    requests = requests_of(model, sampling=Sampling(temperature=2.0), seed=3)
    alone = tokens_of(engine.generate(requests[:1]))[0]
    assert tokens_of(engine.generate(requests))[0] == alone
    other = requests_of(model, sampling=Sampling(temperature=2.0), seed=4)
    assert tokens_of(engine.generate(other[:1]))[0] != alone


def test_every_request_ends_once_with_its_text_and_its_numbers(model, engine):
    requests = requests_of(model)
    events = list(engine.generate(requests))
    ends = [event for event in events if isinstance(event, EndEvent)]
    assert sorted(end.number for end in ends) == [0, 1, 2]
    for end in ends:
        pieces = [one.text for one in events if isinstance(one, TokenEvent) and one.number == end.number]
        assert "".join(pieces) + end.rest == end.text
        prompt_tokens = len(requests[end.number].prompt)
        assert (end.ending, end.prompt_tokens, end.completion_tokens) == ("length", prompt_tokens, 8)


def test_an_end_token_and_a_stop_string_end_an_answer_and_are_no_part_of_it(model, engine, byte_tokenizer):
    request = requests_of(model)[1]
    tokens = tokens_of(engine.generate([request]))[0]
    stop = next(token for number, token in enumerate(tokens) if number >= 2 and token not in tokens[:number])
    *events, end = Engine(model, byte_tokenizer, frozenset([stop])).generate([request])
    assert (end.ending, end.completion_tokens) == ("end", tokens.index(stop))
    assert [event.token for event in events] == tokens[: tokens.index(stop)]


def test_a_cancelled_request_ends_and_the_others_go_on(model, engine):
    requests = requests_of(model)
    whole = tokens_of(engine.generate(requests))
    generation = engine.generate(requests)
    events = [next(generation)]
    generation.cancel(0)
    events += generation
    found = tokens_of(events)
    ends = {event.number: event.ending for event in events if isinstance(event, EndEvent)}
    assert ends == {0: "cancelled", 1: "length", 2: "length"}
    assert len(found[0]) < 8 and found[1:] == whole[1:]


def test_a_request_that_is_cancelled_before_it_begins_ends_as_well(model, engine):
    generation = engine.generate(requests_of(model))
    generation.cancel(1)
    ends = {event.number: event.ending for event in generation if isinstance(event, EndEvent)}
    assert ends == {0: "length", 1: "cancelled", 2: "length"}


@pytest.mark.parametrize("bridged", [False, True])
def test_an_answer_has_at_least_one_token_and_ends_with_the_learned_positions(byte_tokenizer, bridged):
    with pytest.raises(ValueError, match="max_new_tokens"):
        GenerationRequest(prompt=[1], max_new_tokens=0)
    llm = GPT2Config(n_positions=16, vocab_size=300, n_embd=16, n_layer=1, n_head=2)
    config = MacawConfig.for_llm(llm, LinearBridgeSettings(), SHAPES)
    model = MacawForConditionalGeneration.build(config, None) if bridged else GPT2LMHeadModel(llm)
    engine = Engine(model.eval(), byte_tokenizer, frozenset())
    *_, end = engine.generate([GenerationRequest(prompt=[1, 2, 3], max_new_tokens=20)])
    assert (end.ending, end.completion_tokens) == ("length", 13)
    with pytest.raises(InputError, match=r"16.*16"):
        engine.generate([GenerationRequest(prompt=[1] * 16)])


def test_an_llm_without_a_key_value_cache_is_refused(byte_tokenizer):
    config = MambaConfig(vocab_size=300, hidden_size=16, num_hidden_layers=1, state_size=4)
    engine = Engine(MambaForCausalLM(config).eval(), byte_tokenizer, frozenset())
    with pytest.raises(UsageError, match="mamba"):
        list(engine.generate([GenerationRequest(prompt=[1, 2])]))


def test_a_closed_generation_computes_no_more(model, engine, monkeypatch):
    generation = engine.generate(requests_of(model))
    next(generation)
    generation.close()
    monkeypatch.setattr(type(model), "forward", None)
    assert list(generation) == []


@pytest.fixture
def read(model, monkeypatch):
    """How many tokens the model was called with."""
    counts, forward = [], type(model).forward

    def counted(self, *inputs, **named):
        counts.append(named["input_ids"].numel())
        return forward(self, *inputs, **named)

    monkeypatch.setattr(type(model), "forward", counted)
    return counts


def test_a_new_turn_costs_its_own_tokens_and_gives_the_same_answer(model, engine, read):
    first = prompt(model, 1, "image", 5)
    cache, features = ConversationCache(), {"image_features": [image(1)]}
    options = {"sampling": GREEDY, "max_new_tokens": 4}
    answer = tokens_of(engine.generate([GenerationRequest(prompt=first, features=features, cache=cache, **options)]))[0]
    second = [*first, *answer, *prompt(model, 9, "image", 6)]
    features = {"image_features": [image(1), image(2)]}
    fresh = tokens_of(engine.generate([GenerationRequest(prompt=second, features=features, **options)]))
    read.clear()
    *events, end = engine.generate([GenerationRequest(prompt=second, features=features, cache=cache, **options)])
    assert tokens_of(events) == fresh
    assert end.reused_tokens == len(first) + 3  # the answer's last token was never read
    assert read == [len(second) - end.reused_tokens, 1, 1, 1]


@pytest.mark.parametrize("change", ["another image", "another beginning", "an image less", "a call broken off"])
def test_another_conversation_is_read_anew(model, engine, change):
    first, cache = prompt(model, 1, 2, "image", 5), ConversationCache()
    options = {"sampling": GREEDY, "max_new_tokens": 4}
    request = GenerationRequest(prompt=first, features={"image_features": [image(1)]}, cache=cache, **options)
    list(engine.generate([request]))
    features = {"image_features": [image(2 if change == "another image" else 1)]}
    if change == "another beginning":
        first = prompt(model, 1, 3, "image", 5)
    if change == "an image less":
        first, features = [1, 2, 5], {}
    if change == "a call broken off":
        cache.ids.pop()
    options |= {"prompt": [*first, 9], "features": features}
    *events, end = engine.generate([GenerationRequest(cache=cache, **options)])
    assert tokens_of(events) == tokens_of(engine.generate([GenerationRequest(**options)]))
    assert end.reused_tokens == 0


def test_a_repeated_question_reuses_all_but_its_last_token(model, engine):
    cache, options = ConversationCache(), {"sampling": GREEDY, "max_new_tokens": 4}
    request = GenerationRequest(prompt=[1, 5, 6, 7], cache=cache, **options)
    first = tokens_of(engine.generate([request]))
    *events, end = engine.generate([request])
    assert tokens_of(events) == first
    assert end.reused_tokens == 3
