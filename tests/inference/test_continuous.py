"""Requests that come and go at any time get the answers that each gets alone."""

import random

import pytest
import torch
from small_engine import alone, answered, image, model_with, prompt, requests_of, tokens_of
from tiny_llms import LLMS

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.inference.continuous import ContinuousBatch
from macaw_cli.inference.conversation_cache import ConversationCache
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.requests import EndEvent, GenerationRequest, TokenEvent
from macaw_cli.inference.sampling import GREEDY, Sampling


@pytest.fixture(scope="module")
def model():
    return model_with()


@pytest.fixture
def engine(model, byte_tokenizer):
    return Engine(model, byte_tokenizer, frozenset())


def mixed(model, count, seed=0):
    """Requests with no, one or two images, of different lengths."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        images = [image(10 * number + place) for place in range(draw.randrange(3))]
        pieces = [1, *(draw.randrange(2, 60) for _ in range(draw.randrange(6)))]
        for _ in images:
            pieces.insert(draw.randrange(1, len(pieces) + 1), "image")
        found.append(
            GenerationRequest(
                prompt=prompt(model, *pieces, 5), features={"image_features": images}, sampling=GREEDY,
                max_new_tokens=draw.randrange(1, 9),
            )
        )  # fmt: skip
    return found


@pytest.mark.parametrize("rows", [1, 3, 32])
def test_requests_that_come_at_any_time_are_answered_as_each_alone(model, engine, rows):
    requests = mixed(model, 12)
    expected = alone(engine, requests)
    assert len({tuple(tokens) for tokens in expected}) > 6
    for seed in range(3):
        assert answered(ContinuousBatch(engine, rows=rows), requests, seed) == expected


@pytest.mark.parametrize("name", sorted(LLMS))
def test_every_llm_answers_as_alone(byte_tokenizer, name):
    model = model_with(LLMS[name])
    engine, requests = Engine(model, byte_tokenizer, frozenset()), mixed(model, 6)
    assert answered(ContinuousBatch(engine), requests) == alone(engine, requests)


def test_a_seed_gives_the_same_answer_beside_others(model, engine):
    requests = requests_of(model, sampling=Sampling(temperature=2.0), seed=3)
    assert answered(ContinuousBatch(engine), [*requests, *mixed(model, 2)])[:3] == alone(engine, requests)


def test_a_conversation_goes_on_from_its_cache_beside_others(model, engine):
    first, cache = prompt(model, 1, "image", 5), ConversationCache()
    options = {"sampling": GREEDY, "max_new_tokens": 4}
    features = {"image_features": [image(1)]}
    others = mixed(model, 4)
    turn = GenerationRequest(prompt=first, features=features, cache=cache, **options)
    answer = answered(ContinuousBatch(engine), [others[0], turn, *others[1:]])[1]
    second = [*first, *answer, *prompt(model, 9, "image", 6)]
    features = {"image_features": [image(1), image(2)]}
    request = GenerationRequest(prompt=second, features=features, **options)
    expected = alone(engine, [request])[0]
    batch = ContinuousBatch(engine)
    for one in (*others[:2], GenerationRequest(prompt=second, features=features, cache=cache, **options), *others[2:]):
        batch.add(one)
    events = [event for _ in range(40) for event in batch.step()]
    assert tokens_of(events)[2] == expected
    reused = {event.number: event.reused_tokens for event in events if isinstance(event, EndEvent)}
    assert reused == {0: 0, 1: 0, 2: len(first) + 3, 3: 0, 4: 0}
    assert cache.ids == [*second, *expected][:-1]


def test_a_cancelled_request_ends_in_the_next_step_and_leaves_its_row(model, engine):
    requests = mixed(model, 5)
    expected = alone(engine, requests)
    batch = ContinuousBatch(engine, rows=2)
    numbers = [batch.add(request) for request in requests]
    events = batch.step()
    for number in (numbers[1], numbers[4], 99):
        batch.cancel(number)
    found = batch.step()
    ends = {event.number: event.ending for event in found if isinstance(event, EndEvent)}
    assert ends[numbers[1]] == ends[numbers[4]] == "cancelled"
    events += found
    while not batch.idle:
        events += batch.step()
    tokens = {event.number: [] for event in events}
    for event in events:
        if isinstance(event, TokenEvent):
            tokens[event.number].append(event.token)
    assert [tokens[number] for number in (numbers[0], *numbers[2:4])] == [expected[0], *expected[2:4]]
    assert tokens[numbers[4]] == []


def test_more_requests_than_rows_wait(model, engine):
    batch = ContinuousBatch(engine, rows=2)
    assert batch.idle
    for request in mixed(model, 5):
        batch.add(request)
    batch.step()
    assert (batch.running <= 2, batch.waiting, batch.idle) == (True, 3, False)


def test_a_request_that_cannot_be_answered_fails_alone(model, engine):
    requests = mixed(model, 3)
    wrong = GenerationRequest(prompt=prompt(model, 1, "image", 5), sampling=GREEDY)
    batch = ContinuousBatch(engine)
    number = [batch.add(request) for request in (requests[0], wrong, *requests[1:])][1]
    events = []
    while not batch.idle:
        events += batch.step()
    failed = [event for event in events if isinstance(event, EndEvent) and event.ending == "failed"]
    assert [event.number for event in failed] == [number]
    assert isinstance(failed[0].error, MismatchError)
    assert tokens_of(events) == alone(engine, requests)
    with pytest.raises(MismatchError):
        list(engine.generate([wrong]))


def test_an_answer_of_which_no_token_can_be_drawn_fails_alone(model, engine):
    requests = mixed(model, 3)
    broken = GenerationRequest(
        prompt=prompt(model, 1, "image", 5), sampling=Sampling(temperature=1.0),
        features={"image_features": [torch.full_like(image(1), torch.nan)]},
    )  # fmt: skip
    batch = ContinuousBatch(engine, prompts_first=True)
    numbers = [batch.add(request) for request in (requests[0], broken, *requests[1:])]
    events = []
    while not batch.idle:
        events += batch.step()
    endings = {event.number: event.ending for event in events if isinstance(event, EndEvent)}
    assert [endings[number] for number in numbers] == ["length", "failed", "length", "length"]
    assert tokens_of(events) == alone(engine, requests)


def test_a_prompt_that_is_too_long_is_refused_when_it_is_added(byte_tokenizer):
    batch = ContinuousBatch(Engine(model_with(LLMS["gpt2"]), byte_tokenizer, frozenset()))
    with pytest.raises(InputError, match=r"256.*256"):
        batch.add(GenerationRequest(prompt=[1] * 256))
    assert batch.idle


def test_rows_that_ended_leave_no_positions_behind(model, engine, monkeypatch):
    widths, forward = [], type(model).forward

    def counted(self, *inputs, **named):
        output = forward(self, *inputs, **named)
        widths.append(output.past_key_values.get_seq_length())
        return output

    monkeypatch.setattr(type(model), "forward", counted)
    batch = ContinuousBatch(engine, rows=4)
    for number in range(60):
        batch.add(GenerationRequest(prompt=[1] * (40 if number == 3 else 4), sampling=GREEDY, max_new_tokens=6))
    while not batch.idle:
        batch.step()
    assert max(widths) == 45
    assert max(widths[-10:]) == 9


def test_log_probabilities_are_those_of_the_logits(model, engine):
    request = GenerationRequest(prompt=[1, 5, 7], sampling=GREEDY, max_new_tokens=3, logprobs=4)
    events = [event for event in engine.generate([request]) if isinstance(event, TokenEvent)]
    read = [*request.prompt, *(event.token for event in events)]
    with torch.no_grad():
        expected = model(torch.tensor([read])).logits[0, 2:-1].log_softmax(dim=-1)
    for event, row in zip(events, expected, strict=True):
        top = row.topk(4)
        assert [token for token, _ in event.top] == top.indices.tolist()
        assert [value for _, value in event.top] == pytest.approx(top.values.tolist(), abs=1e-4)
        assert event.logprob == pytest.approx(float(row[event.token]), abs=1e-4)
    bare = next(engine.generate([GenerationRequest(prompt=[1, 5, 7], sampling=GREEDY, logprobs=0)]))
    assert bare.logprob == events[0].logprob and bare.top == ()
    with pytest.raises(ValueError, match="logprobs"):
        GenerationRequest(prompt=[1], logprobs=-1)
