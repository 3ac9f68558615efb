"""What a generation will cost, before and after replies were seen."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.generation.estimate import estimates, seconds_needed
from macaw_cli.dataset.generation.generate import generate, opened_ledger, probe
from macaw_cli.dataset.generation.generator import Generator
from macaw_cli.dataset.generation.pace import Pace
from macaw_cli.dataset.generation.token_counts import counter, estimated_tokens
from tests.dataset.generation.api_server import ApiServer

PRICES = "prices={test-model: {input: 10, output: 40}}"
Make = Callable[..., Generator]


def test_after_a_probe_the_likely_cost_is_near_the_actual_one(
    serve: Callable[..., ApiServer], generator: Make, workspace: Path
) -> None:
    server = serve()
    folder = workspace / "generated"
    planned = generator(server, 80, PRICES)
    probe(planned, folder, 20)
    assert len(server.requests) == 20
    with opened_ledger(folder) as ledger:
        planned.expectation.learn_from(ledger)
    (kind,) = estimates(planned)
    report = generate(generator(server, 80, PRICES), folder, [], lambda row: "", seed=0)
    assert kind.measured == 20
    assert kind.likely == pytest.approx(report["ledger"]["cost"], rel=0.15)
    assert kind.low < kind.likely < kind.high
    assert len(server.requests) == 80  # the probe's replies were used


def test_a_quota_needs_requests_for_its_examples(generator: Make) -> None:
    made = generator("http://localhost:1/v1", 50, "want={question-answer: 90, multi-turn: 9}", "pairs=10")
    assert {kind.name: kind.requests for kind in estimates(made)} == {"question-answer": 10, "multi-turn": 10}
    assert all(kind.can_fill for kind in estimates(made))


def test_too_few_items_are_told(generator: Make) -> None:
    (kind,) = estimates(generator("http://localhost:1/v1", 2, "want={question-answer: 1000}"))
    assert not kind.can_fill
    assert kind.requests == 10


@pytest.mark.parametrize(("limit", "seconds"), [("concurrency=2", 10.0), ("requests_per_minute=60", 20.0)])
def test_time_follows_the_limit_that_is_reached_first(generator: Make, limit: str, seconds: float) -> None:
    made = generator("http://localhost:1/v1", 20, limit)
    assert seconds_needed(made, estimates(made), 1.0) == pytest.approx(seconds)


def test_requests_keep_below_the_limit_of_a_minute() -> None:
    async def waited(pace: Pace, requests: int, tokens: int) -> float:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for _ in range(requests):
            await pace.wait(tokens)
        return loop.time() - begun

    assert asyncio.run(waited(Pace(None, None), 100, 10)) < 0.5
    assert asyncio.run(waited(Pace(2400, None), 220, 10)) == pytest.approx(0.5, abs=0.4)  # 200 at once, then 40/s
    assert asyncio.run(waited(Pace(None, 24_000), 22, 100)) == pytest.approx(0.5, abs=0.4)
    assert asyncio.run(waited(Pace(None, 60_000), 1, 5500)) == pytest.approx(0.5, abs=0.4)  # larger than a window


def test_tokens_are_counted_by_a_tokenizer_of_the_users(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    words: dict[str, Any] = {"[UNK]": 0, "a": 1, "dog": 2}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    assert counter(tmp_path)("a dog or a cat") == 5
    assert counter(None)("x" * 40) == estimated_tokens("x" * 40) == 10
    (tmp_path / "tokenizer.json").write_text("{}")
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError):
            counter(folder)
