"""An LLM scores generated answers against the reference: text only, through the ledger and the budget of `generation`.

What was paid for is never asked again: a killed evaluation answers anew and finds its verdicts in the ledger.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from macaw_cli.basics.console import say
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import MacawError, UsageError
from macaw_cli.config.generation_settings import GenerationSettings
from macaw_cli.config.judge_settings import ASK_AGAIN
from macaw_cli.config.loading import Workspace
from macaw_cli.dataset.generation.answered import Answered
from macaw_cli.dataset.generation.endpoint import require_key
from macaw_cli.dataset.generation.generate import opened_ledger, require_own_generation
from macaw_cli.dataset.generation.ledger import Ledger
from macaw_cli.dataset.generation.presentation import dollars
from macaw_cli.dataset.generation.reply import Outcome
from macaw_cli.dataset.generation.verdicts import UNDER_WAY, Case, VerdictForm, VerdictRequests
from macaw_cli.evaluation.metrics.registry import SAMPLED, metrics_of
from macaw_cli.evaluation.questions.held_out import HeldOut, Judged, kind_of, text_of
from macaw_cli.judging.answer_rubric import SCHEMA, fault_of, judge_messages, read_mark

NAME = "judge-answer"
"""Of these requests in the ledger."""
NOT_MARKED = {Outcome.REFUSED: "refused", Outcome.FAILED: "failed", Outcome.NOT_ASKED: "not_asked"}
"""Outcomes without a verdict that are counted apart; others are malformed replies."""
SECTION = "evaluation.judge"


class AnswerJudge:
    """Gives questions without choices what a judge says of their generated answers.

    Args:
        workspace: its `evaluation.judge` and `generation` settings hold.

    Raises:
        UsageError: the API key or the model's price is missing, the endpoint is no URL, or no answers are generated.
        InputError: the folder of the ledger is not macaw's.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._evaluation = workspace.settings.evaluation
        if not self._evaluation.generate:
            raise UsageError(
                "evaluation.generate is 0, so there are no answers to judge.", "Raise it, or leave out --judge."
            )
        settings = judge_settings(workspace)
        with _own_names():
            require_key(settings)
        self._folder = workspace.path(settings.out)
        require_own_generation(self._folder, [])
        tokenizer = workspace.path(settings.tokenizer) if settings.tokenizer else None
        self._requests = VerdictRequests(settings, tokenizer, VerdictForm(NAME, SCHEMA, fault_of, "answers"))

    def __call__(self, questions: Sequence[HeldOut]) -> dict[str, Any]:
        """Judge all generated answers but forecasts; equal answers to equal questions are judged once.

        Args:
            questions: get their `judged`.

        Returns:
            `model`, `answers` (how many were to be judged), `judged`, and those without a score: `malformed`
            (no score in the reply, also when asked again), `refused` (by the model), `failed` (by the API) and
            `not_asked` with `stopped`, the reason; `replies`, `from_ledger` and `cost` (US dollars) of this run.

        Raises:
            Interrupted: SIGINT or SIGTERM; verdicts are kept.
            InputError: the API refuses every request.
            ResourceError: the ledger cannot be written.
        """
        asked = [(question, condition) for question in questions if self._is_judged(question)
                 for condition in question.answers]  # fmt: skip
        cases = [Case("", _messages(question, question.answers[condition])) for question, condition in asked]
        if not cases:
            say("There is no answer to judge: every question has choices or is a forecast.")
            return _counts(self._requests.settings.model, [])
        with opened_ledger(self._folder) as ledger, _own_names():
            self._tell_price(cases, ledger)
            verdicts = self._requests.ask(cases, ledger)
        for (question, condition), answered in zip(asked, verdicts.answers, strict=True):
            mark = read_mark(answered.raw) if answered.parsed.outcome is Outcome.OK else ""
            if isinstance(mark, Judged):
                question.judged[condition] = mark
        counts = _counts(self._requests.settings.model, verdicts.answers)
        traffic = verdicts.traffic
        counts |= {"replies": traffic.replies, "from_ledger": traffic.from_ledger, "cost": round(traffic.cost, 6)}
        _tell_counts(counts, verdicts.answers)
        return counts | ({"stopped": _own(verdicts.stopped)} if counts["not_asked"] else {})

    def _is_judged(self, question: HeldOut) -> bool:
        return not question.row.choices and SAMPLED not in metrics_of(kind_of(question.row), self._evaluation.metrics)

    def _tell_price(self, cases: Sequence[Case], ledger: Ledger) -> None:
        """What will be sent and what it costs, before the first call."""
        requests, price = self._requests, self._requests.expectation.price
        requests.expectation.learn_from(ledger)
        left, model = requests.unanswered(cases, ledger), requests.settings.model
        say(
            f"The judge {model} is asked about {counted(len(cases), 'answer')}: {counted(len(left), 'request')} for"
            f" about {dollars(requests.cost(left))}; the others are equal or answered in the ledger. Price of {model}:"
            f" ${price.input:g} per million prompt tokens, ${price.output:g} per million reply tokens ({price.source})."
        )
        limit = requests.settings.max_cost
        if limit is None:
            return
        if not price.cost(1, 1):
            say(f"Warning: {model} counts as free ({price.source}), so --max-cost limits nothing.")
            return
        under_way = requests.bound(left) * UNDER_WAY * requests.settings.concurrency
        say(
            f"At most {dollars(limit)} will be spent; {dollars(ledger.spent().at_most)} of it is spent or may be."
            f" Replies under way when it is reached can exceed it by {dollars(under_way)} at most."
        )


def judge_settings(workspace: Workspace) -> GenerationSettings:
    """The settings of `generation` with what `evaluation.judge` says instead."""
    own, common = workspace.settings.evaluation.judge, workspace.settings.generation
    return replace(
        common,
        model=own.model,
        endpoint=own.endpoint or common.endpoint,
        api_key_variable=own.api_key_variable or common.api_key_variable,
        temperature=common.temperature if own.temperature is None else own.temperature,
        max_cost=common.max_cost if own.max_cost is None else own.max_cost,
    )


def _messages(question: HeldOut, answer: str) -> list[dict[str, Any]]:
    *earlier, asked, _ = [(message["role"], text_of(message["content"])) for message in question.messages]
    return judge_messages(earlier, asked[1], [question.answer], answer)


def _counts(model: str, answers: Sequence[Answered]) -> dict[str, Any]:
    found = Counter(
        "judged" if answered.parsed.outcome is Outcome.OK else NOT_MARKED.get(answered.parsed.outcome, "malformed")
        for answered in answers
    )
    names = ("judged", "malformed", *NOT_MARKED.values())
    return {"model": model, "answers": len(answers), **{name: found[name] for name in names}}


def _tell_counts(counts: dict[str, Any], answers: Sequence[Answered]) -> None:
    say(
        f"judge: {counted(counts['replies'], 'reply', 'replies')} from the API for {dollars(counts['cost'])},"
        f" {counts['from_ledger']:,} from the ledger."
    )
    lost = [
        answered for answered in answers if answered.parsed.outcome not in (Outcome.OK, Outcome.NOT_ASKED)
    ]
    if lost:
        say(
            f"Warning: {counted(len(lost), 'answer')} have no score: {counts['malformed']:,} malformed replies,"
            f" {counts['refused']:,} refused, {counts['failed']:,} failed. The first reason: {lost[0].parsed.reason}."
            f"{f' {ASK_AGAIN}' if counts['malformed'] or counts['refused'] else ''}"
        )


@contextmanager
def _own_names() -> Iterator[None]:
    """Errors of the API name the settings of the judge, not those of the generation."""
    try:
        yield
    except MacawError as error:
        problem, hint = (_own(text) for text in (error.problem, error.hint))
        error.problem, error.hint, error.args = problem, hint, (f"{problem} {hint}".strip(),)
        raise


def _own(text: str) -> str:
    for key in ("endpoint", "model"):
        text = text.replace(f"generation.{key}", f"{SECTION}.{key}")
    return text.replace("--max-requests", "generation.max_requests")
