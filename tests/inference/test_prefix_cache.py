"""The next turn of a conversation over HTTP costs its own tokens alone, and is answered as if all were read anew."""

import gc

import pytest
import torch
from small_engine import alone, image, model_with, prompt, tokens_of

from macaw_cli.inference.continuous import ContinuousBatch
from macaw_cli.inference.conversation_cache import ConversationCache
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.prefix_cache import PrefixCache
from macaw_cli.inference.requests import EndEvent, GenerationRequest
from macaw_cli.inference.sampling import GREEDY

LONG = [*range(2, 40)]


@pytest.fixture(scope="module")
def model():
    return model_with()


@pytest.fixture
def engine(model, byte_tokenizer):
    return Engine(model, byte_tokenizer, frozenset())


def request(ids, images=(), limit=4):
    features = {"image_features": list(images)} if images else {}
    return GenerationRequest(prompt=ids, features=features, sampling=GREEDY, max_new_tokens=limit)


def served(batch, *requests):
    """Tokens of the answers, and how many tokens of each prompt were not read again."""
    first, *_ = map(batch.add, requests)
    events = []
    while not batch.idle:
        events += batch.step()
    ends = sorted((event.number - first, event.reused_tokens) for event in events if isinstance(event, EndEvent))
    return tokens_of(events), [reused for _, reused in ends]


def test_turns_of_several_conversations_cost_their_own_tokens(model, engine):
    prefixes = PrefixCache(shortest=16)
    batch = ContinuousBatch(engine, prefixes=prefixes)
    firsts = [
        request(prompt(model, 1, "image", *LONG), [image(1)]),
        request(prompt(model, 1, "image", *LONG), [image(2)]),
        request(prompt(model, 1, *LONG[::-1])),
    ]
    answers, reused = served(batch, *firsts)
    assert (answers, reused) == (alone(engine, firsts), [0, 0, 0])
    seconds = [
        request([*first.prompt, *answer, 9, 8, 7], first.features.get("image_features", ()))
        for first, answer in zip(firsts, answers, strict=True)
    ]
    seconds[1] = request([*seconds[1].prompt, *prompt(model, "image", 4)], [image(2), image(3)])
    answers, reused = served(batch, *seconds)
    assert answers == alone(engine, seconds)
    assert reused == [len(first.prompt) + 3 for first in firsts]
    assert len(prefixes) == 3  # a conversation that went on takes the place of what it was


def test_many_questions_share_a_beginning_at_the_same_time(model, engine):
    batch = ContinuousBatch(engine, prefixes=PrefixCache(shortest=16))
    served(batch, request(LONG))
    questions = [request([*LONG[:30], 50 + number, 3]) for number in range(4)]
    answers, reused = served(batch, *questions)
    assert (answers, reused) == (alone(engine, questions), [30] * 4)


@pytest.mark.parametrize("other", ["another image", "no image", "another beginning"])
def test_what_begins_otherwise_is_read_anew(model, engine, other):
    batch = ContinuousBatch(engine, prefixes=PrefixCache(shortest=16))
    ids = prompt(model, 1, "image", *LONG)
    served(batch, request(ids, [image(1)]))
    asked = {
        "another image": request(ids, [image(2)]),
        "no image": request([1, *LONG]),
        "another beginning": request([2, *ids[1:]], [image(1)]),
    }[other]
    assert served(batch, asked) == (alone(engine, [asked]), [0])


def test_what_was_not_used_for_longest_is_forgotten_when_the_room_is_full(model, engine):
    small = PrefixCache(shortest=16)
    served(ContinuousBatch(engine, prefixes=small), request(LONG))
    prefixes = PrefixCache(2 * small.bytes + 1, shortest=16)
    batch = ContinuousBatch(engine, prefixes=prefixes)
    for number in (50, 51, 50, 52):
        served(batch, request([number, *LONG[1:]]))
        assert prefixes.bytes <= prefixes.max_bytes
    assert len(prefixes) == 2
    _, reused = served(batch, request([51, *LONG[1:]]), request([50, *LONG[1:]]), request([52, *LONG[1:]]))
    assert reused == [0, len(LONG) - 1, len(LONG) - 1]


def test_only_so_many_are_kept(model, engine):
    prefixes = PrefixCache(shortest=16, most=3)
    requests = [request(prompt(model, *LONG, 40 + number)) for number in range(5)]
    served(ContinuousBatch(engine, prefixes=prefixes), *requests)
    assert len(prefixes) == 3


def test_a_conversation_larger_than_the_room_and_a_short_one_are_not_kept(engine):
    prefixes = PrefixCache(100, shortest=16)
    batch = ContinuousBatch(engine, prefixes=prefixes)
    served(batch, request(LONG), request([1, 2, 3]))
    assert (len(prefixes), prefixes.bytes) == (0, 0)


def test_hundreds_of_requests_leave_nothing_behind(model, engine):
    prefixes = PrefixCache(60_000, shortest=16)
    batch = ContinuousBatch(engine, rows=8, prefixes=prefixes)
    held = []
    for _ in range(3):
        asked = [
            request(prompt(model, 1, "image", 5, *LONG[: place % 9], 50 + place % 7), [image(place)], limit=3)
            for place in range(30)
        ]
        served(batch, *asked)
        del asked
        gc.collect()
        held.append(sum(one.nbytes for one in gc.get_objects() if type(one) is torch.Tensor))
    assert held[2] <= held[0] + prefixes.max_bytes
    assert abs(held[2] - held[1]) < 0.05 * prefixes.max_bytes


@pytest.mark.parametrize(("changed", "shared"), [(9, 6), (7, 6), (5, 5), (4, 4), (3, 0), (1, 0)])
def test_a_bridge_that_reads_the_question_shares_whole_questions_only(model, changed, shared):
    """Tokens 4 and 5 are an earlier answer; behind it stands the question of the last turn."""
    ids = [*range(1, 11)]
    cache = ConversationCache(ids=ids)
    asked = [token if place != changed else 50 for place, token in enumerate(ids)]
    answered = [place in {4, 5} for place in range(len(ids))]
    assert cache.common(asked, {}, model.config, answered) == shared
    assert cache.common(asked, {}, model.config) == min(changed, len(ids) - 1)
