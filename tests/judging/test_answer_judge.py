"""The judge of generated answers against a real local server: priced, kept in the ledger, capped, never asked twice."""

import json
from contextlib import ExitStack

import pytest
from aiohttp import web

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.loading import open_workspace
from macaw_cli.evaluation.questions.held_out import HeldOut
from macaw_cli.judging.answer_judge import AnswerJudge
from macaw_cli.shards.training_rows import ConversationRow
from tests.dataset.generation.api_server import ApiServer, completion, error, serving

PRICED = "generation.prices={m: {input: 1000, output: 1000}}"


def exact(case, body):
    """Right where the answer is the reference."""
    right = case["answer"] in case["references"]
    return {"reason": f"about {case['answer']}", "score": float(right)}


@pytest.fixture
def serve():
    with ExitStack() as stack:

        def start(mark=exact):
            async def handle(server, request, body):
                found = mark(json.loads(body["messages"][1]["content"]), body)
                if isinstance(found, web.StreamResponse):
                    return found
                return web.json_response(completion(body, found if isinstance(found, str) else json.dumps(found)))

            return stack.enter_context(serving(ApiServer(handle)))

        yield start


@pytest.fixture
def judge(tmp_path):
    """`judge(server, questions, "evaluation.judge....")`: the counts."""
    (tmp_path / "macaw.yaml").write_text("version: 1\n")

    def run(server, questions, *settings):
        given = [f"evaluation.judge.endpoint={getattr(server, 'address', server)}", "evaluation.judge.model=m"]
        return AnswerJudge(open_workspace(tmp_path, [*given, *settings]))(questions)

    return run


def question(number, kind="describe", choices=None, **answers):
    messages = [{"role": "user", "content": f"What is {number}?"}, {"role": "assistant", "content": f"It is {number}."}]
    row = ConversationRow(f"q{number}", "val", kind, choices, (), (), "s", "t", 0, 0)
    return HeldOut(row, messages, answers=answers)


def ten():
    return [question(n, real=f"It is {n if n % 2 else -1}.", swapped="It is 3.") for n in range(10)]


def scores(questions):
    return [{condition: one.score for condition, one in question.judged.items()} for question in questions]


def test_every_generated_answer_gets_a_score_and_a_reason(judge, serve):
    server, questions = serve(), ten()
    counts = judge(server, questions)
    assert scores(questions) == [
        {"real": float(n % 2), "swapped": float(n == 3)} for n in range(10)
    ]
    assert questions[4].judged["real"].reason == "about It is -1."
    assert (counts["answers"], counts["judged"], counts["malformed"], counts["not_asked"]) == (20, 20, 0, 0)
    assert server.requests[0]["response_format"]["json_schema"]["name"] == "mark"
    assert all(isinstance(message["content"], str) for body in server.requests for message in body["messages"])


def test_equal_answers_to_a_question_are_asked_about_once_and_nothing_is_paid_for_twice(judge, serve):
    server = serve()
    first = judge(server, ten())
    assert len(server.requests) == first["replies"] == 19  # the real answer to 3 is its swapped one
    again = ten()
    second = judge(server, again)
    assert len(server.requests) == 19
    assert (second["replies"], second["from_ledger"], second["cost"]) == (0, 20, 0.0)
    assert scores(again)[3] == {"real": 1.0, "swapped": 1.0}
    judge(server, ten(), "evaluation.judge.model=other")
    assert len(server.requests) == 38


def test_questions_with_choices_and_forecasts_are_not_judged(judge, serve):
    server = serve()
    chosen = question(1, choices=["It is 1."], real="It is 1.")
    questions = [chosen, question(2, kind="forecast", real="2"), question(3)]
    assert judge(server, questions)["answers"] == 0
    assert not server.requests and not any(scores(questions))


def test_the_price_is_told_before_the_first_call_and_without_what_is_answered(judge, serve, capsys):
    told = []
    server = serve(lambda case, body: (told.append(capsys.readouterr().err), exact(case, body))[1])
    judge(server, ten(), PRICED, "generation.concurrency=1")
    assert "20 answers: 19 requests for about $" in told[0].replace("\n", " ")
    assert "$1000 per million prompt tokens" in told[0].replace("\n", " ")
    capsys.readouterr()
    judge(server, ten(), PRICED)
    assert "0 requests for about $0.00" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize("cap", ["generation.max_requests=4", "evaluation.judge.max_cost=0.5"])
def test_a_cap_stops_it_and_the_next_run_asks_for_the_rest(judge, serve, cap):
    server, questions = serve(), ten()
    counts = judge(server, questions, PRICED, "generation.concurrency=1", cap)
    assert 0 < counts["judged"] == sum(map(len, scores(questions))) < 20
    assert counts["judged"] + counts["not_asked"] == 20
    assert counts["stopped"] and "--max-requests" not in counts["stopped"]
    assert counts["cost"] <= 1.5  # the reply under way when the limit is reached
    counts = judge(server, questions, PRICED)
    assert (counts["judged"], "stopped" in counts) == (20, False)
    assert set(server.answered.values()) == {1}


def test_a_malformed_reply_is_asked_once_more_then_counted_and_told(judge, serve, capsys):
    def mixed(case, body):
        if case["question"] == "What is 3?":
            return "well done"
        if case["question"] == "What is 4?" and len(body["messages"]) == 2:
            return {"reason": "x", "score": 7}
        return error(422, "too long") if case["question"] == "What is 5?" else exact(case, body)

    questions = [question(n, real="It is 4.") for n in (3, 4, 5)]
    server = serve(mixed)
    counts = judge(server, questions)
    assert (counts["judged"], counts["malformed"], counts["failed"]) == (1, 1, 1)
    assert scores(questions) == [{}, {"real": 1.0}, {}]
    told = capsys.readouterr().err.replace("\n", " ")
    assert "1 malformed" in told and "no JSON object" in told
    judge(server, questions)
    assert sum("What is 3?" in json.dumps(body) for body in server.requests) == 2


def test_a_wrong_key_ends_it_with_the_settings_that_it_belongs_to(judge, serve, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "sk-wrong")
    server = serve(lambda case, body: error(401, "wrong key sk-wrong"))
    with pytest.raises(InputError, match="401") as failure:
        judge(server, ten(), "evaluation.judge.api_key_variable=JUDGE_KEY")
    assert "JUDGE_KEY" in failure.value.hint and "sk-wrong" not in str(failure.value)
    assert server.headers[0]["Authorization"] == "Bearer sk-wrong"
    with pytest.raises(InputError) as failure:
        judge(serve(lambda case, body: error(404, "no such model")), ten())
    assert "evaluation.judge.model" in failure.value.hint
    assert str(failure.value).endswith(failure.value.hint)


def test_what_is_missing_is_told_before_any_model_is_loaded(judge, monkeypatch, tmp_path):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        judge("https://api.openai.com/v1", [])
    with pytest.raises(UsageError, match=r"evaluation\.judge\.endpoint"):
        judge("nowhere", [])
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    with pytest.raises(UsageError, match="price"):
        judge("https://example.com/v1", [])
    with pytest.raises(UsageError, match=r"evaluation\.generate"):
        judge("http://localhost:1/v1", [], "evaluation.generate=0")
    (tmp_path / "generated").mkdir()
    (tmp_path / "generated/mine.txt").write_text("x")
    with pytest.raises(InputError, match="generated"):
        judge("http://localhost:1/v1", [])
