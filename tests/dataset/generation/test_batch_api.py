"""The Batch API, against a server of our own that keeps files and batches."""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from macaw_cli.basics.atomic_files import read_jsonl
from macaw_cli.basics.errors import InputError, ResourceError
from macaw_cli.dataset.generation import batch_api
from macaw_cli.dataset.generation.batch_api import collect, submit
from macaw_cli.dataset.generation.batch_ledger import BatchLedger
from macaw_cli.dataset.generation.generate import generate, opened_ledger
from macaw_cli.dataset.generation.generator import Generator
from tests.dataset.generation.api_server import ApiServer, completion, serving


class BatchServer(ApiServer):
    """Batches are finished when `finish` was called; results come in reverse order."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.answers_with = 0
        self._numbers = itertools.count(1)

    def routes(self, app: web.Application) -> None:
        """Files and batches beside the chat completions."""
        app.router.add_post("/v1/files", self._upload)
        app.router.add_get("/v1/files/{name}/content", self._content)
        app.router.add_post("/v1/batches", self._create)
        app.router.add_get("/v1/batches", self._list)
        app.router.add_get("/v1/batches/{name}", self._batch)

    def finish(self, fails: str = "") -> None:
        """All batches are completed; requests whose prompt holds `fails` have failed."""
        for batch in self.batches.values():
            rows = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
            good = [row for row in rows if not fails or fails not in json.dumps(row)]
            bad = [row for row in rows if row not in good]
            results = [
                {"custom_id": row["custom_id"], "response": {"status_code": 200, "body": completion(row["body"])}}
                for row in reversed(good)
            ]
            failures = [{"custom_id": row["custom_id"], "error": {"message": "expired"}} for row in bad]
            self.files["out-" + batch["id"]] = "".join(json.dumps(row) + "\n" for row in results).encode()
            self.files["err-" + batch["id"]] = "".join(json.dumps(row) + "\n" for row in failures).encode()
            batch |= {
                "status": "completed", "output_file_id": "out-" + batch["id"], "error_file_id": "err-" + batch["id"]
            }  # fmt: skip

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        name = f"file-{next(self._numbers)}"
        self.files[name] = form["file"].file.read()  # type: ignore[union-attr]
        assert form["purpose"] == "batch"
        body = {
            "id": name, "object": "file", "bytes": 1, "created_at": 1, "filename": "x", "purpose": "batch",
            "status": "processed",
        }  # fmt: skip
        return web.json_response(body)

    async def _content(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=self.files[request.match_info["name"]])

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        name = f"batch-{next(self._numbers)}"
        self.batches[name] = {
            "id": name, "object": "batch", "endpoint": body["endpoint"], "input_file_id": body["input_file_id"],
            "completion_window": "24h", "status": "in_progress", "created_at": 1, "metadata": body["metadata"],
            "request_counts": {"total": 1, "completed": 0, "failed": 0},
        }  # fmt: skip
        if self.answers_with:
            return web.Response(status=self.answers_with)
        return web.json_response(self.batches[name])

    async def _list(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"object": "list", "data": list(self.batches.values()), "has_more": False})

    async def _batch(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self.batches[request.match_info["name"]])


@pytest.fixture
def server() -> Iterator[BatchServer]:
    """A server with batches."""
    with serving(BatchServer()) as found:
        assert isinstance(found, BatchServer)
        yield found


Make = Callable[..., Generator]


def finished(generator: Generator, folder: Path) -> dict[str, Any]:
    return generate(generator, folder, [], lambda row: "", seed=0, ask=False)


def test_replies_of_a_batch_become_conversations_at_half_the_price(
    server: BatchServer, generator: Make, workspace: Path
) -> None:
    settings = ("pairs=2", "prices={test-model: {input: 1000, output: 1000}}")
    folder = workspace / "generated"
    with opened_ledger(folder) as ledger:
        assert submit(generator(server, 5, *settings), ledger).requests == 5
        assert collect(generator(server, 5, *settings), ledger) == 1
    server.finish()
    with opened_ledger(folder) as ledger:
        assert collect(generator(server, 5, *settings), ledger) == 0
        assert ledger.spent().unanswered == 0
    report = finished(generator(server, 5, *settings), folder)
    assert len(read_jsonl(folder / "conversations.jsonl")) == 10
    assert server.requests == []
    tokens = report["generator"]["kinds"]["question-answer"]
    assert report["ledger"]["cost"] == pytest.approx((tokens["prompt_tokens"] + tokens["completion_tokens"]) / 2000)


def test_what_is_answered_or_under_way_is_not_submitted_again(
    server: BatchServer, generator: Make, workspace: Path
) -> None:
    with opened_ledger(workspace / "generated") as ledger:
        submit(generator(server, 3), ledger)
        assert submit(generator(server, 3), ledger).requests == 0
        server.finish(fails="number 1 ")
        collect(generator(server, 3), ledger)
        assert submit(generator(server, 3), ledger).requests == 1  # the one that failed


def test_files_keep_within_the_limits_of_an_upload(
    server: BatchServer, generator: Make, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_api, "MOST_REQUESTS", 4)
    with opened_ledger(workspace / "generated") as ledger:
        assert submit(generator(server, 10), ledger).batches == 3
    assert sorted(len(content.splitlines()) for content in server.files.values()) == [2, 4, 4]


def test_a_batch_that_was_created_before_a_kill_is_found_again(
    server: BatchServer, generator: Make, workspace: Path
) -> None:
    server.answers_with = 400
    with opened_ledger(workspace / "generated") as ledger:
        with pytest.raises(Exception, match="400"):
            submit(generator(server, 3), ledger)
        server.finish()
        assert collect(generator(server, 3), ledger) == 0
        assert ledger.spent().requests == 3


def test_a_batch_that_was_never_created_is_forgotten(server: BatchServer, generator: Make, workspace: Path) -> None:
    with opened_ledger(workspace / "generated") as ledger:
        submit(generator(server, 3), ledger)
        with ledger.transaction() as database:
            database.execute("UPDATE batches SET id = '', token = 'lost'")
            database.execute("UPDATE batch_requests SET token = 'lost'")
        assert collect(generator(server, 3), ledger) == 0
        assert BatchLedger(ledger).open() == []
        assert ledger.spent().unanswered == 0


def test_a_cap_that_is_too_small_is_told_before_anything_is_uploaded(
    server: BatchServer, generator: Make, workspace: Path
) -> None:
    settings = ("prices={test-model: {input: 1000, output: 1000}}", "max_cost=0.01")
    with opened_ledger(workspace / "generated") as ledger, pytest.raises(ResourceError):
        submit(generator(server, 3, *settings), ledger)
    assert not server.files


def test_nothing_is_asked_at_full_price_while_a_batch_is_under_way(
    server: BatchServer, generator: Make, workspace: Path
) -> None:
    folder = workspace / "generated"
    with opened_ledger(folder) as ledger:
        submit(generator(server, 3), ledger)
    with pytest.raises(InputError) as caught:
        generate(generator(server, 3), folder, [], lambda row: "", seed=0)
    assert "collect" in str(caught.value)
    assert server.requests == []


def test_a_batch_whose_creation_is_answered_with_an_error_is_not_created_twice(
    server: BatchServer, generator: Make, workspace: Path
) -> None:
    server.answers_with = 504
    with opened_ledger(workspace / "generated") as ledger:
        with pytest.raises(InputError):
            submit(generator(server, 3), ledger)
        assert len(server.batches) == 1
        server.finish()
        assert collect(generator(server, 3), ledger) == 0
        assert ledger.spent().requests == 3


def test_odd_characters_and_broken_lines_in_results_lose_nothing_else(
    server: BatchServer, generator: Make, workspace: Path
) -> None:
    with opened_ledger(workspace / "generated") as ledger:
        submit(generator(server, 3), ledger)
        server.finish()
        (name,) = [name for name in server.files if name.startswith("out-")]
        lines = server.files[name].replace(b"middle", "mid\u2028dle\u0085".encode()).splitlines(keepends=True)
        server.files[name] = b"".join([b"{broken\n", b"[1]\n", *lines])
        assert collect(generator(server, 3), ledger) == 0
        assert ledger.spent().requests == 3


def test_a_batch_that_failed_costs_nothing_and_its_reason_is_told(
    server: BatchServer, generator: Make, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened_ledger(workspace / "generated") as ledger:
        submit(generator(server, 3), ledger)
        for batch in server.batches.values():
            batch |= {"status": "failed", "errors": {"object": "list", "data": [{"message": "token_limit_exceeded"}]}}
        assert collect(generator(server, 3), ledger) == 0
        assert ledger.spent().unanswered_cost == 0
        assert submit(generator(server, 3), ledger).requests == 3
    assert "token_limit_exceeded" in capsys.readouterr().err


def test_the_limit_of_requests_holds_for_batches(server: BatchServer, generator: Make, workspace: Path) -> None:
    with opened_ledger(workspace / "generated") as ledger:
        assert submit(generator(server, 10, "max_requests=4"), ledger).requests == 4


def test_with_replies_of_batches_alone_a_quota_that_is_not_met_ends_soon(generator: Make, workspace: Path) -> None:
    made = generator("http://localhost:1/v1", 1000, "want={question-answer: 10}")
    report = finished(made, workspace / "generated")
    assert report["generator"]["kinds"]["question-answer"]["outcomes"]["not asked"] < 500
