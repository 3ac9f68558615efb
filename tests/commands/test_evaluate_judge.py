"""`macaw evaluate --judge` as a user types it, against a real local server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web
from tiny_world import make_workspace, make_world

from macaw_cli.basics.errors import InputError, ResourceError
from macaw_cli.commands.evaluate import evaluate
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.dataset.build import build_dataset
from tests.dataset.generation.api_server import ApiServer, completion, serving


async def marked(server, request, body):
    case = json.loads(body["messages"][1]["content"])
    score = len(case["answer"]) % 3 / 2
    return web.json_response(completion(body, json.dumps({"reason": f"{len(case['answer'])} letters", "score": score})))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Path:
    """A run of a moment, and a dataset with answers without choices."""
    from macaw_cli.training.run import train

    folder = tmp_path_factory.mktemp("judge")
    world = make_world(folder / "world")
    made = make_workspace(world, folder / "workspace", name="short", max_steps=3)
    train(made)
    rows = [json.loads(line) for line in (world / "questions.jsonl").read_text().splitlines()]
    free = [
        {key: value for key, value in row.items() if key not in ("choices", "kind")} | {"split": "val"}
        for row in rows if row.get("image") or row.get("audio")
    ]  # fmt: skip
    (world / "free.jsonl").write_text("".join(json.dumps(row) + "\n" for row in free))
    build_dataset(Workspace(world, parse_settings({"dataset": {"sources": ["jsonl:free.jsonl"], "out": "free"}}, "t")))
    return made.root


def sizes(server):
    given = [f"evaluation.judge.endpoint={server.address}"] if server else []
    return [*given, "evaluation.generate=2", "evaluation.max_new_tokens=4"]


def macaw(workspace, *words, server=None, **environment):
    settings = [part for one in sizes(server) for part in ("--set", one)]
    data = ["--data", str(workspace.parent / "world/free"), "--limit", "6"]
    return subprocess.run(
        [sys.executable, "-m", "macaw_cli", "evaluate", *words, *settings, *data], cwd=workspace, capture_output=True,
        text=True, env={**os.environ, **environment},
    )  # fmt: skip


def test_generated_answers_are_judged_shown_and_written_down_and_a_cap_stops_it(workspace, capsys):
    run = workspace / "runs/short/evaluation"
    with serving(ApiServer(marked)) as server:
        with pytest.raises(ResourceError, match=r"not judged: .*--max-cost"):
            evaluate(
                data=workspace.parent / "world/free", limit=6, judge="m", max_cost=0.4, config=workspace,
                overrides=["generation.prices={m: {input: 1000, output: 1000}}", "generation.concurrency=1",
                           *sizes(server)],
            )  # fmt: skip
        told = capsys.readouterr()
        assert "At most $0.4" in told.err
        assert "Evaluated runs/short/model" in told.out
        figures = json.loads((run / "figures.json").read_text())
        assert 0 < figures["judging"]["judged"] < figures["judging"]["answers"]

        done = macaw(workspace, "--judge", "m", server=server)
        assert done.returncode == 0, done.stderr
        assert "scored by a judge" in done.stdout
        assert set(server.answered.values()) == {1}  # what the capped run has paid for is not asked again

    figures = json.loads((run / "figures.json").read_text())
    assert figures["judging"]["judged"] == figures["judging"]["answers"] == 8
    judge = figures["kinds"]["image"]["judge"]
    assert judge.keys() == {"n", "real", "swapped", "paired", "reliance", "ci95"}
    assert judge["reliance"] == pytest.approx(judge["real"] - judge["swapped"], abs=1e-3)
    rows = [json.loads(line) for line in (run / "answers.jsonl").read_text().splitlines()]
    judged = [row for row in rows if "judge" in row]
    assert len(judged) == 4
    for row in judged:
        for condition, mark in row["judge"].items():
            letters = len(row["answers"][condition])
            assert mark == {"score": letters % 3 / 2, "reason": f"{letters} letters"}


async def chatting(server, request, body):
    return web.json_response(completion(body, "It is a fine answer."))


async def refusing(server, request, body):
    return web.json_response({"error": {"message": "no such model"}}, status=404)


@pytest.mark.parametrize(
    ("handler", "message"), [(chatting, r"8 malformed replies.*generation\.out"), (refusing, "no such model")]
)
def test_a_judge_that_scores_nothing_ends_the_command_with_1_after_the_figures(
    workspace, tmp_path, capsys, handler, message
):
    with serving(ApiServer(handler)) as server, pytest.raises(InputError, match=message):
        evaluate(
            data=workspace.parent / "world/free", limit=6, judge="m", config=workspace,
            overrides=["generation.prices={m: {input: 0, output: 0}}", f"generation.out={tmp_path / 'ledger'}",
                       *sizes(server)],
        )  # fmt: skip
    told = capsys.readouterr().out
    assert "Held-out questions" in told and "Evaluated runs/short/model" in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--judge", "gpt-4o-mini"], "OPENAI_API_KEY"),
        (["--judge", "m", "--task", "pope:x"], "--judge"),
        (["runs/short", "runs/short", "--judge", "m"], "--judge"),
        (["--max-cost", "1"], "--judge"),
        (["--judge", "m", "--max-cost", "0"], "evaluation.judge.max_cost"),
    ],
)
def test_a_wrong_input_is_one_clear_message_before_any_work(workspace, words, message):
    done = macaw(workspace, *words, OPENAI_API_KEY="")
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr and "Evaluating" not in done.stderr
