"""A judge that was killed or interrupted: the next run finds the verdicts that were paid for."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aiohttp import web

from macaw_cli.config.loading import open_workspace
from macaw_cli.judging.answer_judge import AnswerJudge
from tests.dataset.generation.api_server import ApiServer, completion, serving
from tests.judging.test_answer_judge import ten

ROOT = Path(__file__).parents[2]
CODE = (
    "import sys; from pathlib import Path; from macaw_cli.config.loading import open_workspace;"
    "from macaw_cli.judging.answer_judge import AnswerJudge; from tests.judging.test_answer_judge import ten;"
    "AnswerJudge(open_workspace(Path(sys.argv[1]), sys.argv[2:]))(ten())"
)


async def slowly(server, request, body):
    await asyncio.sleep(0.1)
    return web.json_response(completion(body, json.dumps({"reason": "", "score": 1})))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_judge_goes_on_where_it_was(tmp_path, number):
    (tmp_path / "macaw.yaml").write_text("version: 1\n")
    with serving(ApiServer(slowly)) as server:
        given = [f"evaluation.judge.endpoint={server.address}", "evaluation.judge.model=m", "generation.concurrency=2"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
        running = subprocess.Popen(
            [sys.executable, "-c", CODE, str(tmp_path), *given], env=environment, stderr=subprocess.PIPE, text=True
        )
        while len(server.requests) < 6 and running.poll() is None:
            time.sleep(0.02)
        running.send_signal(number)
        told = running.communicate(timeout=60)[1]
        assert len(server.requests) < 19
        questions = ten()
        counts = AnswerJudge(open_workspace(tmp_path, given))(questions)
    assert counts["judged"] == 20
    assert counts["from_ledger"] > 1
    if number is signal.SIGINT:
        assert "Stopped by SIGINT" in told
        assert set(server.answered.values()) == {1}
    assert sum(server.answered.values()) <= 19 + 4  # what was under way at a kill has no reply in the ledger
