"""The thread that owns the model goes on, whatever a request does to it."""

import queue

import pytest
from small_engine import model_with

from macaw_cli.inference.continuous import ContinuousBatch
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.requests import EndEvent, GenerationRequest
from macaw_cli.inference.sampling import GREEDY
from macaw_cli.serving.answers.generating import Ended, ModelThread


@pytest.fixture
def thread(byte_tokenizer):
    engine = Engine(model_with(), byte_tokenizer, frozenset())
    started = ModelThread(lambda: ContinuousBatch(engine))
    yield started
    started.close()
    started.join(10)


def outcome(thread, request):
    told = queue.SimpleQueue()
    thread.ask(request, told.put)
    for event in iter(lambda: told.get(timeout=10), None):
        if isinstance(event, EndEvent | Exception):
            return event
    return None


class Unusable:
    """A sampling of which no logits processors can be made."""

    constraint = None

    def overrides(self):
        raise TypeError("no sampling")


def test_a_request_that_cannot_be_begun_is_told_so_and_the_next_is_answered(thread):
    good = GenerationRequest(prompt=[1, 7, 8], sampling=GREEDY, max_new_tokens=2)
    assert isinstance(outcome(thread, GenerationRequest(prompt=[1, 7], sampling=Unusable())), TypeError)
    assert outcome(thread, good).ending == "length"
    assert thread.count == 0


def test_a_thread_that_was_closed_takes_no_more(thread):
    thread.close()
    with pytest.raises(Ended):
        thread.ask(GenerationRequest(prompt=[1]), print)
