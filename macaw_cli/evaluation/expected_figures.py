"""Which figures an evaluation will have, as far as its questions and settings tell, before a model is loaded."""

from collections.abc import Sequence
from typing import Any

from macaw_cli.config.evaluation_settings import EvaluationSettings
from macaw_cli.evaluation.answer_rows import answer_row
from macaw_cli.evaluation.asking.generating import CONDITIONS, first_without_choices
from macaw_cli.evaluation.evaluate import everything_asked, figures_of, record
from macaw_cli.evaluation.figures.thresholds import Threshold, require_known
from macaw_cli.evaluation.in_context.given_choices import GivenChoices
from macaw_cli.evaluation.questions.held_out import HeldOut, Judged, held_out_questions
from macaw_cli.shards.joined_datasets import DatasetReader

OF_ANSWERS = ("in_context", "reasoning", "given_choices", "clean")
"""Parts of the figures whose names are known only when the questions are answered."""


def require_known_figures(
    thresholds: Sequence[Threshold], dataset: DatasetReader, settings: EvaluationSettings,
    given: GivenChoices | None = None, *, judged: bool = False,
) -> None:  # fmt: skip
    """Refuse a `--fail-under` that this evaluation cannot have, or cannot reach.

    Args:
        thresholds: what must be reached.
        dataset: whose held-out questions will be asked.
        settings: how.
        given: possible answers to questions that have none of their own.
        judged: whether a judge scores the answers.

    Raises:
        UsageError: with the figures that are possible.
        InputError: the dataset holds out no question.
    """
    thresholds = [one for one in thresholds if one.name.partition(".")[0] not in OF_ANSWERS]
    if thresholds:
        questions = unanswered(dataset, settings, given)
        if judged:
            for question in questions:
                question.judged = {name: Judged(0.0, "") for name in CONDITIONS if name in question.answers}
        require_known(figures_of("", questions, settings.metrics), thresholds)


def unanswered(
    dataset: DatasetReader, settings: EvaluationSettings, given: GivenChoices | None = None
) -> list[HeldOut]:
    """The questions with an empty answer under every condition that they will have.

    Args:
        dataset: whose held-out questions will be asked.
        settings: how.
        given: possible answers to questions that have none of their own; its counts stay as they are.

    Raises:
        InputError: the dataset holds out no question.
    """
    questions = held_out_questions(dataset, settings.limit)
    asked = everything_asked(questions, every=True)
    if given is not None:
        GivenChoices(given.lists).give(questions)
    for item in asked:
        record(questions[item.row], item.condition, 0, 0.0)
    generated = first_without_choices(questions, settings.generate)
    for item in asked:
        if item.row in generated and item.condition in CONDITIONS:
            questions[item.row].answers[item.condition] = ""
    return questions


def expected_rows(
    dataset: DatasetReader, settings: EvaluationSettings, given: GivenChoices | None = None
) -> list[dict[str, Any]]:
    """The rows of `answers.jsonl` with empty answers, for a comparison of models that are asked later.

    Args:
        dataset: whose held-out questions will be asked.
        settings: how.
        given: possible answers to questions that have none of their own.

    Raises:
        InputError: the dataset holds out no question.
    """
    return [answer_row(question) for question in unanswered(dataset, settings, given)]
