"""Rows have as much memory as there is: others wait, and all are answered as alone."""

import pytest
import torch
from small_engine import alone, model_with, requests_of, tokens_of
from tiny_llms import LLMS

from macaw_cli.inference.continuous import ContinuousBatch
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.requests import GenerationRequest
from macaw_cli.inference.row_memory import bytes_of_position, free_bytes
from macaw_cli.inference.sampling import GREEDY


@pytest.fixture
def engine(byte_tokenizer):
    return Engine(model_with(), byte_tokenizer, frozenset())


@pytest.mark.parametrize("positions", [1, 40, 60, 10_000])
def test_no_more_rows_grow_than_there_are_positions_for(engine, positions):
    requests = [*requests_of(engine.model), *requests_of(engine.model, max_new_tokens=20)]
    batch = ContinuousBatch(engine, positions=positions)
    for request in requests:
        batch.add(request)
    events, most = [], 0
    while not batch.idle:
        events += batch.step()
        lengths = [len(answer.request.prompt) + answer.longest for rows in batch._running for answer in rows.answers]
        most = max(most, len(lengths))
        assert len(lengths) < 2 or len(lengths) * max(lengths) <= positions
    assert tokens_of(events) == alone(engine, requests)
    assert (most == 1, most == len(requests)) == (positions == 1, positions == 10_000)


@pytest.mark.parametrize("name", sorted(LLMS))
def test_the_bytes_of_a_position_are_at_least_those_of_the_cache(byte_tokenizer, name):
    engine = Engine(model_with(LLMS[name]), byte_tokenizer, frozenset())
    batch = ContinuousBatch(engine)
    batch.add(GenerationRequest(prompt=[1, 7, 8, 9], sampling=GREEDY, max_new_tokens=3))
    batch.step()
    (rows,) = batch._running
    layers = [layer for layer in rows.cache.layers if getattr(layer, "keys", None) is not None]
    held = sum(part[:, :, :1].nbytes for layer in layers for part in (layer.keys, layer.values))
    assert held <= bytes_of_position(engine.llm) <= max(2 * held, 1)


def test_a_machine_has_free_memory():
    assert free_bytes(torch.device("cpu")) > 1_000_000
