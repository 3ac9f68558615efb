"""A whole generation against a real HTTP server."""

import asyncio
import itertools
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from macaw_cli.basics.atomic_files import read_jsonl
from macaw_cli.basics.errors import DamagedError, InputError, Interrupted, ResourceError, UsageError
from macaw_cli.config.generation_settings import GenerationSettings
from macaw_cli.config.loading import open_workspace
from macaw_cli.dataset.generation.endpoint import is_local, require_key
from macaw_cli.dataset.generation.generate import generate, opened_ledger
from macaw_cli.dataset.generation.generator import make_generator
from macaw_cli.dataset.generation.kind_queue import FRUITLESS
from macaw_cli.dataset.generation.reply import Outcome
from tests.dataset.generation.api_server import ApiServer, completion, error, key_of, pairs_for
from tests.dataset.generation.conftest import item

Generated = Callable[..., dict[str, Any]]
Serve = Callable[..., ApiServer]


def rows(workspace: Path, name: str = "conversations.jsonl") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read_jsonl(workspace / "generated" / name)
    return found


def test_every_item_gets_its_pairs_in_the_order_of_the_items(
    serve: Serve, generated: Generated, workspace: Path
) -> None:
    report = generated(serve(), 20, "pairs=3")
    conversations = rows(workspace)
    first, number = conversations[0], int(conversations[0]["id"].split("/")[0].removeprefix("item-"))
    assert [row["id"] for row in conversations[:4]] == [
        f"item-{number}/question-answer/0.1", f"item-{number}/question-answer/0.2",
        f"item-{number}/question-answer/0.3", f"item-{(number + 1) % 20}/question-answer/0.1",
    ]  # fmt: skip
    assert len({row["id"] for row in conversations}) == len(conversations) == 60
    assert first["image"] == [f"{number}.jpg"]
    assert conversations[0]["kind"] == "question-answer"
    assert [message["role"] for message in conversations[0]["messages"]] == ["user", "assistant"]
    assert report["generator"]["kinds"]["question-answer"]["outcomes"] == {"ok": 20}


def test_a_rerun_asks_nothing_and_gives_the_same_bytes(serve: Serve, generated: Generated, workspace: Path) -> None:
    server = serve()
    generated(server, 10)
    first = (workspace / "generated" / "conversations.jsonl").read_bytes()
    report = generated(server, 10)
    assert report["run"] | {"seconds": 0} == {
        "replies": 0, "from_ledger": 10, "throttled": 0, "retried": 0, "seconds": 0, "stopped": ""
    }  # fmt: skip
    assert len(server.requests) == 10
    assert (workspace / "generated" / "conversations.jsonl").read_bytes() == first


def test_a_smaller_quota_is_answered_from_the_ledger(serve: Serve, generated: Generated, workspace: Path) -> None:
    server = serve()
    generated(server, 10, "want={question-answer: 30}", "pairs=5")
    asked = len(server.requests)
    generated(server, 10, "want={question-answer: 7}", "pairs=5")
    assert len(server.requests) == asked
    assert len(rows(workspace)) == 7


@pytest.mark.parametrize("quota", [1, 7, 40])
def test_a_quota_counts_accepted_examples_and_is_met_exactly(
    serve: Serve, generated: Generated, workspace: Path, quota: int
) -> None:
    async def some_bad(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        if int(key_of(body)[:2], 16) % 3 == 0:
            return web.json_response(completion(body, "I am sorry, no JSON today."))
        return None

    report = generated(serve(some_bad), 12, f"want={{description: {quota}}}", "pairs=2")
    assert report["generator"]["kinds"]["description"]["accepted"] == quota
    assert len(rows(workspace)) == quota


def test_yes_and_no_are_balanced_by_their_quota(serve: Serve, generated: Generated, workspace: Path) -> None:
    generated(serve(), 10, "want={yes-no: 21}", "pairs=3")
    sides = Counter(row["messages"][1]["content"].split(",")[0] for row in rows(workspace))
    assert sides == {"Yes": 11, "No": 10}


def test_a_conversation_of_several_turns_counts_as_one_example(
    serve: Serve, generated: Generated, workspace: Path
) -> None:
    generated(serve(), 5, "want={multi-turn: 3}", "pairs=4")
    conversations = rows(workspace)
    assert [len(row["messages"]) for row in conversations] == [8, 8, 8]


def test_filters_decide_what_counts_and_their_rejects_are_listed(
    serve: Serve, generated: Generated, workspace: Path
) -> None:
    def no_even_numbers(row: dict[str, Any]) -> str:
        return "even" if "number 0" in row["messages"][0]["content"] else ""

    report = generated(serve(), 10, "want={question-answer: 8}", "pairs=2", filters=no_even_numbers)
    assert len(rows(workspace)) == 8
    assert report["generator"]["kinds"]["question-answer"]["rejected"]["even"] >= 7
    assert {row["reason"] for row in rows(workspace, "rejects.jsonl")} == {"even"}


def test_an_unusable_reply_is_asked_for_once_more_and_then_kept_as_a_reject(
    serve: Serve, generated: Generated, workspace: Path
) -> None:
    async def stubborn(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        if len(body["messages"]) > 2 and "item" not in body:
            assert body["messages"][2] == {"role": "assistant", "content": "no idea <b>"}
        return web.json_response(completion(body, "no idea <b>"))

    server = serve(stubborn)
    report = generated(server, 1)
    (reject,) = rows(workspace, "rejects.jsonl")
    assert len(server.requests) == 2
    assert reject["raw"] == "no idea <b>"
    assert reject["id"] == "item-0"
    assert report["generator"]["kinds"]["question-answer"]["outcomes"] == {Outcome.NOT_JSON: 1}
    generated(server, 1)
    assert len(server.requests) == 2  # both replies were paid for and are kept


def test_a_corrected_reply_is_used(serve: Serve, generated: Generated, workspace: Path) -> None:
    async def better_then(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        return None if len(body["messages"]) > 2 else web.json_response(completion(body, "{}"))

    generated(serve(better_then), 2, "pairs=2")
    assert len(rows(workspace)) == 4


def test_bursts_of_429_with_and_without_retry_after_lose_nothing(
    serve: Serve, generated: Generated, workspace: Path
) -> None:
    numbers = itertools.count()

    async def bursts(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        number = next(numbers)
        if number % 40 < 8:
            headers = {"Retry-After": "0.05"} if number % 80 < 40 else None
            return error(429, "Rate limit reached", "rate_limit_exceeded", headers)
        return None

    server = serve(bursts)
    report = generated(server, 100, "pairs=1", "concurrency=16")
    assert len(rows(workspace)) == 100
    assert report["run"]["throttled"] > 0
    assert set(server.answered.values()) == {1}


def test_failures_of_the_server_are_tried_again_and_lose_nothing(
    serve: Serve, generated: Generated, workspace: Path
) -> None:
    seen: Counter[str] = Counter()

    async def trouble(server: ApiServer, request: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        key = key_of(body)
        seen[key] += 1
        if seen[key] > 1:
            return None
        kind = int(key[:2], 16) % 5
        if kind == 0:
            return error(500, "Internal error")
        if kind == 1 and request.transport is not None:
            request.transport.close()
            return web.Response()
        if kind == 2:
            return web.Response(text='{"choices": [{"mess', content_type="application/json")
        if kind == 3:
            return web.Response(text="<html>bad gateway</html>", content_type="text/html")
        return None

    report = generated(serve(trouble), 30, "pairs=1")
    assert len(rows(workspace)) == 30
    assert report["run"]["retried"] >= 10


def test_a_request_that_always_fails_is_a_reject_and_is_tried_again_by_the_next_run(
    serve: Serve, generated: Generated, workspace: Path
) -> None:
    broken = True

    async def one_fails(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        fails = broken and "number 3 " in body["messages"][1]["content"]
        return error(503, "overloaded") if fails else None

    server = serve(one_fails)
    generated(server, 5, "pairs=1", "attempts=2")
    (reject,) = rows(workspace, "rejects.jsonl")
    assert reject["id"] == "item-3"
    assert "503" in reject["reason"]
    broken = False
    generated(server, 5, "pairs=1", "attempts=2")
    assert len(rows(workspace)) == 5
    assert rows(workspace, "rejects.jsonl") == []


def test_a_reply_that_never_comes_is_given_up_after_the_timeout(serve: Serve, generated: Generated) -> None:
    async def hangs(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        await asyncio.sleep(5)
        return None

    report = generated(serve(hangs), 1, "timeout_s=0.2", "attempts=1")
    assert report["generator"]["kinds"]["question-answer"]["outcomes"] == {Outcome.FAILED: 1}
    assert report["ledger"]["unanswered"] == 1


def test_a_refused_request_is_a_reject_and_the_others_go_on(
    serve: Serve, generated: Generated, workspace: Path
) -> None:
    async def picky(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        return error(400, "content policy") if "number 1 " in body["messages"][1]["content"] else None

    report = generated(serve(picky), 3, "pairs=1")
    assert len(rows(workspace)) == 2
    assert report["ledger"]["unanswered"] == 0  # what is refused is not charged


@pytest.mark.parametrize("field", ["response_format", "max_completion_tokens"])
def test_a_server_that_lacks_a_field_is_asked_without_it(
    serve: Serve, generated: Generated, workspace: Path, field: str
) -> None:
    async def older(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        return error(400, f"Unknown parameter: '{field}'") if field in body else None

    generated(serve(older, seconds=0.05), 20, "pairs=1", "concurrency=8")
    assert len(rows(workspace)) == 20  # also those that were under way when the first one was refused


@pytest.mark.parametrize(
    ("status", "code", "word"),
    [(401, "invalid_api_key", "OPENAI_API_KEY"), (404, "model_not_found", "test-model"),
     (429, "insufficient_quota", "credit")],
)  # fmt: skip
def test_what_every_request_would_meet_ends_the_run_at_once(
    serve: Serve, generated: Generated, workspace: Path, status: int, code: str, word: str
) -> None:
    async def refuses(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        return error(status, "Nothing doing", code)

    server = serve(refuses)
    with pytest.raises(InputError) as caught:
        generated(server, 500, "concurrency=4")
    assert word in str(caught.value)
    assert len(server.requests) <= 16
    with opened_ledger(workspace / "generated") as ledger:
        assert ledger.spent().unanswered_cost == 0  # what is refused is not charged


def test_the_key_reaches_the_server_and_nothing_that_is_written(
    serve: Serve, generated: Generated, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tells(server: ApiServer, request: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        if "number 1 " in body["messages"][1]["content"]:
            return error(400, f"refused for {request.headers['Authorization']}")
        return None

    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-0123")
    server = serve(tells)
    generated(server, 3)
    assert server.headers[0]["Authorization"] == "Bearer sk-very-secret-0123"
    for file in (workspace / "generated").iterdir():
        assert b"very-secret" not in file.read_bytes(), file


def test_a_missing_key_is_told_before_any_work(generated: Generated, workspace: Path) -> None:
    with pytest.raises(UsageError) as caught:
        generated("https://api.example.com/v1", 1, "prices={test-model: {input: 1, output: 1}}")
    assert "OPENAI_API_KEY" in str(caught.value)
    assert not (workspace / "generated").exists()


def test_the_cap_on_cost_counts_what_is_under_way_and_a_later_run_continues(
    serve: Serve, generated: Generated, workspace: Path
) -> None:
    server = serve(seconds=0.01)
    prices = "prices={test-model: {input: 100, output: 100}}"
    report = generated(server, 60, "pairs=2", "concurrency=4", prices, "max_cost=0.6")
    assert report["ledger"]["cost"] <= 0.6 + 8 * 0.06
    assert 3 < report["run"]["replies"] < 40
    assert "max-cost" in report["run"]["stopped"]
    kept = len(rows(workspace))
    assert kept == 2 * report["run"]["replies"]
    more = generated(server, 60, "pairs=2", "concurrency=4", prices, "max_cost=10")
    assert more["run"]["from_ledger"] == report["run"]["replies"]
    assert len(rows(workspace)) == 120
    assert set(server.answered.values()) == {1}


def test_the_cap_on_requests_is_exact(serve: Serve, generated: Generated) -> None:
    server = serve()
    report = generated(server, 30, "max_requests=7", "concurrency=4")
    assert len(server.requests) == report["run"]["replies"] == 7


def test_missing_usage_is_estimated(serve: Serve, generated: Generated) -> None:
    async def silent(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        return web.json_response(completion(body, usage=False))

    report = generated(serve(silent), 2, "prices={test-model: {input: 1, output: 1}}")
    assert report["ledger"]["cost"] > 0


def test_the_same_question_about_an_item_is_not_accepted_twice(
    serve: Serve, generated: Generated, workspace: Path
) -> None:
    async def same(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        return web.json_response(completion(body, json.dumps({"pairs": pairs_for({"messages": []}, 1)})))

    report = generated(serve(same), 3, "want={question-answer: 9}", "pairs=1")
    assert len(rows(workspace)) == 3
    assert report["generator"]["kinds"]["question-answer"]["requests"] == 15


def test_questions_are_moved_to_other_items_without_any_call(
    serve: Serve, generated: Generated, workspace: Path
) -> None:
    async def about_the_number(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        thing = {"0": "violin", "1": "hammer", "2": "candle"}[body["messages"][1]["content"].split("number ")[1][0]]
        pairs = [{"question": f"Where is the {thing}?", "answer": f"The {thing} is on the sofa."}]
        return web.json_response(completion(body, json.dumps({"pairs": pairs})))

    server = serve(about_the_number)
    report = generated(server, 3, "want={question-answer: 3, unanswerable-swapped: 2}", "pairs=1")
    assert len(server.requests) == 3
    assert report["generator"]["kinds"]["unanswerable-swapped"]["accepted"] == 0  # the captions name none of them


def test_equal_captions_of_different_items_are_asked_for_each_and_an_equal_item_once(
    serve: Serve, workspace: Path
) -> None:
    server = serve(seconds=0.1)
    settings = [f"generation.{one}" for one in (f"endpoint={server.address}", "model=m", "pairs=1")]
    same = {"captions": ("A dog.",)}
    items = [item(0, **same), item(1, **same), replace(item(2, **same), id="item-0")]
    generator = make_generator(open_workspace(workspace, settings), items)
    report = generate(generator, workspace / "generated", [], lambda row: "", seed=0)
    assert len(server.requests) == report["ledger"]["replies"] == 2
    assert len(rows(workspace)) == 3


def test_attempts_that_may_be_charged_count_against_the_cap(serve: Serve, generated: Generated) -> None:
    async def half(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        return web.Response(text='{"choices": [', content_type="application/json")

    server = serve(half)
    prices = "prices={test-model: {input: 10, output: 10}}"
    report = generated(server, 60, prices, "max_cost=0.1", "attempts=1", "concurrency=2")
    assert len(server.requests) < 12
    assert report["ledger"]["unanswered"] == len(server.requests)
    assert report["ledger"]["unanswered_cost_at_most"] > 0.05


def test_where_taking_answers_fails_the_replies_under_way_are_kept(
    serve: Serve, generated: Generated, workspace: Path
) -> None:
    def full(row: dict[str, Any]) -> str:
        raise OSError(28, "No space left on device")

    server = serve(seconds=0.05)
    with pytest.raises((OSError, ResourceError)):
        generated(server, 40, "concurrency=8", filters=full)
    with opened_ledger(workspace / "generated") as ledger:
        assert ledger.spent().requests == len(server.answered)
        assert ledger.spent().unanswered == 0


def test_a_rejected_question_may_be_asked_again(serve: Serve, generated: Generated, workspace: Path) -> None:
    async def better_later(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        good = "This is set" in body["messages"][1]["content"]
        pairs = [{"question": "What is on the sofa?", "answer": "A large dog." if good else "A bad thing."}]
        return web.json_response(completion(body, json.dumps({"pairs": pairs})))

    def no_bad(row: dict[str, Any]) -> str:
        return "bad" if "bad" in row["messages"][1]["content"] else ""

    generated(serve(better_later), 2, "want={question-answer: 2}", "pairs=1", filters=no_bad)
    assert len(rows(workspace)) == 2


def test_moved_questions_pass_the_filters_and_their_rejects_are_listed(
    serve: Serve, generated: Generated, workspace: Path
) -> None:
    async def about_the_number(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        number = int(body["messages"][1]["content"].split("number ")[1].split()[0])
        thing = ("violin", "hammer", "candle", "rocket")[number]
        pairs = [{"question": f"Where is the {thing} with the dog?", "answer": f"The {thing} is on the sofa."}]
        return web.json_response(completion(body, json.dumps({"pairs": pairs})))

    def no_cannot(row: dict[str, Any]) -> str:
        return "cannot" if row["kind"] == "unanswerable-swapped" else ""

    report = generated(
        serve(about_the_number), 4, "want={question-answer: 4, unanswerable-swapped: 2}", "pairs=1", filters=no_cannot
    )
    swapped = report["generator"]["kinds"]["unanswerable-swapped"]
    listed = [row for row in rows(workspace, "rejects.jsonl") if row["reason"] == "cannot"]
    assert swapped["rejected"].get("cannot", 0) == len(listed)
    assert swapped["accepted"] == 0


def test_an_interrupt_does_not_wait_for_retry_after(serve: Serve, generated: Generated) -> None:
    async def busy(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        if len(server.requests) == 1:
            asyncio.get_running_loop().call_later(0.3, os.kill, os.getpid(), signal.SIGINT)
        return error(429, "Rate limit reached", "rate_limit_exceeded", {"Retry-After": "30"})

    begun = time.monotonic()
    with pytest.raises(Interrupted):
        generated(serve(busy), 20, "concurrency=4")
    assert time.monotonic() - begun < 15


@pytest.mark.parametrize("endpoint", ["http://[::1", "http://127.0.0.1:99999/v1", "http://", "http://☃/v1", "ftp://x"])
def test_an_endpoint_that_is_no_url_is_told(endpoint: str) -> None:
    assert not is_local(endpoint) or "127.0.0.1" in endpoint
    with pytest.raises(UsageError, match=r"generation\.endpoint"):
        require_key(GenerationSettings(endpoint=endpoint))


def test_a_quota_is_given_up_when_many_requests_in_a_row_give_no_example(
    serve: Serve, generated: Generated, workspace: Path
) -> None:
    server = serve()
    report = generated(server, 100, "want={counting: 5}", "pairs=1", "concurrency=4", filters=lambda row: "never")
    assert report["generator"]["kinds"]["counting"]["requests"] == FRUITLESS
    assert len(server.requests) < FRUITLESS + 20


def test_a_server_that_is_not_there_ends_the_run_soon(generated: Generated) -> None:
    with pytest.raises(InputError) as caught:
        generated("http://127.0.0.1:9/v1", 500, "attempts=1")
    assert "20 requests failed" in str(caught.value)


def test_what_a_server_writes_in_a_shape_of_its_own_is_told(
    serve: Serve, generated: Generated, workspace: Path
) -> None:
    async def own_shape(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        return web.json_response({"detail": "Server is pinned to another model"}, status=400)

    generated(serve(own_shape), 2)
    assert all("pinned to another model" in row["reason"] for row in rows(workspace, "rejects.jsonl"))


def test_a_ledger_that_has_lost_replies_is_refused(serve: Serve, generated: Generated, workspace: Path) -> None:
    server = serve()
    generated(server, 3)
    (workspace / "generated" / "ledger.sqlite").unlink()
    with pytest.raises(DamagedError) as caught:
        generated(server, 3)
    assert "3 were paid for" in str(caught.value)
    assert len(server.requests) == 3
