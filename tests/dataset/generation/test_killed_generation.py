"""A generation that is killed or interrupted goes on: same bytes, nothing that is in the ledger asked again."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.dataset.generation.api_server import ApiServer, completion, error, key_of

CODE = """
import sys
from pathlib import Path
from macaw_cli.config.loading import open_workspace
from macaw_cli.dataset.generation.generate import generate
from macaw_cli.dataset.generation.generator import make_generator
from tests.dataset.generation.conftest import item

folder, address, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
settings = [f"generation.{one}" for one in (f"endpoint={address}", "model=m", "pairs=2", "concurrency=8")]
generator = make_generator(open_workspace(folder, settings), [item(number) for number in range(count)])
print("started", flush=True)
generate(generator, folder / "generated", [], lambda row: "", seed=0)
"""
ITEMS = 120


def start(folder: Path, server: ApiServer, items: int = ITEMS) -> "subprocess.Popen[str]":
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": root}
    words = [sys.executable, "-c", CODE, str(folder), server.address, str(items)]
    return subprocess.Popen(
        words, env=environment, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def output(folder: Path) -> tuple[bytes, bytes]:
    return tuple((folder / "generated" / name).read_bytes() for name in ("conversations.jsonl", "rejects.jsonl"))  # type: ignore[return-value]


def kept(folder: Path) -> set[str]:
    """Keys of the requests whose replies are in the ledger."""
    file = folder / "generated" / "ledger.sqlite"
    if not file.is_file():
        return set()
    database = sqlite3.connect(file)
    try:
        rows = database.execute("SELECT prompt FROM replies").fetchall()
    except sqlite3.OperationalError:  # killed before the tables were made
        rows = []
    database.close()
    return {key_of({"messages": json.loads(prompt)}) for (prompt,) in rows}


async def odd(server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
    """Some replies are unusable, some are refused."""
    kind = int(key_of(body)[:2], 16) % 9
    if kind == 0:
        return web.json_response(completion(body, "no JSON"))
    return error(400, "policy") if kind == 1 else None


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two workspaces."""
    found = tmp_path / "killed", tmp_path / "undisturbed"
    for folder in found:
        folder.mkdir()
        (folder / "macaw.yaml").write_text("version: 1\n")
    return found


def test_killed_again_and_again_it_ends_in_the_bytes_of_an_undisturbed_run(
    serve: Callable[..., ApiServer], folders: tuple[Path, Path]
) -> None:
    killed, undisturbed = folders
    server = serve(odd, seconds=0.05)
    for milliseconds in (30, 150, 300):
        before = kept(killed)
        asked = len(server.requests)
        process = start(killed, server)
        assert process.stdout is not None
        process.stdout.readline()
        deadline = time.monotonic() + 30
        while len(server.requests) == asked and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(milliseconds / 1000)
        process.kill()
        process.communicate()
        assert not {key_of(body) for body in server.requests[asked:]} & before
    before, asked = kept(killed), len(server.requests)
    assert before, "something was kept before the last kill"
    process = start(killed, server)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 0, errors
    assert not {key_of(body) for body in server.requests[asked:]} & before
    quiet = serve(odd)
    process = start(undisturbed, quiet)
    assert process.wait(60) == 0
    process.communicate()
    assert output(killed) == output(undisturbed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_waits_for_replies_that_are_under_way_and_loses_none(
    serve: Callable[..., ApiServer], folders: tuple[Path, Path], number: signal.Signals
) -> None:
    folder, _ = folders
    server = serve(seconds=0.3)
    process = start(folder, server)
    deadline = time.monotonic() + 30
    while len(server.requests) < 12 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "Interrupted" in errors
    assert kept(folder) == set(server.answered)
    assert len(server.requests) < ITEMS
