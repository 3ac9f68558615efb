"""Held-out questions as the settings ask them: behind demonstrations in one or several orders, and with reasoning."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from macaw_cli.basics.console import say
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import UsageError
from macaw_cli.config.evaluation_settings import EvaluationSettings
from macaw_cli.evaluation.asking.generating import AnswerLimits
from macaw_cli.evaluation.asking.scoring import prompt_of
from macaw_cli.evaluation.evaluate import evaluate_model
from macaw_cli.evaluation.in_context.demonstrations import Choice, DemonstrationPool, orders
from macaw_cli.evaluation.in_context.given_choices import GivenChoices
from macaw_cli.evaluation.in_context.order_figures import last_answer, mean_of, over_orders
from macaw_cli.evaluation.in_context.reasoning import Reasoner, reasoning_figures
from macaw_cli.evaluation.questions.conditions import Asked
from macaw_cli.evaluation.questions.held_out import HeldOut
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.positions import stated_positions
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.shards.joined_datasets import DatasetReader

Prepare = Callable[[Sequence[HeldOut], Sequence[Asked]], None]
"""Called before questions are asked."""


class Shown:
    """Gives questions their demonstrations, as many as the LLM has positions for.

    Args:
        pool: where they come from.
        wanted: how many are wanted.
        encoder: of the model.
        positions: of the LLM; None where it does not say.
    """

    def __init__(
        self, pool: DemonstrationPool, wanted: int, encoder: ConversationEncoder, positions: int | None
    ) -> None:
        self._pool, self._wanted, self._encoder, self._positions = pool, wanted, encoder, positions
        self.shortened = 0
        """Questions that were shown fewer demonstrations than there are, for want of positions."""
        self.lacking = 0
        """Questions for which the training split has fewer."""
        self.counts: list[int] = []
        """Demonstrations of each question."""

    def give(self, questions: Sequence[HeldOut], asked: Sequence[Asked]) -> None:
        """Choose the demonstrations of every question; of a prompt that is too long, the first ones are left out.

        Args:
            questions: get their `demonstrations`.
            asked: everything that they will be asked under.
        """
        of_question: dict[int, list[Asked]] = {}
        for item in asked:
            of_question.setdefault(item.row, []).append(item)
        self.shortened, self.lacking, self.counts = 0, 0, []
        for number, question in enumerate(questions):
            question.demonstrations = tuple(self._pool.choose(question))
            found = len(question.demonstrations)
            self.lacking += found < self._wanted
            while question.demonstrations and self._is_too_long(question, of_question[number]):
                question.demonstrations = question.demonstrations[1:]
            self.shortened += len(question.demonstrations) < found
            self.counts.append(len(question.demonstrations))

    def _is_too_long(self, question: HeldOut, asked: Sequence[Asked]) -> bool:
        if self._positions is None:
            return False
        answer = max(len(self._encoder.response_ids(text)) for text in question.candidates)
        longest = max(len(prompt_of(item, question, self._encoder).input_ids) for item in asked)
        return longest + answer - 1 > self._positions


def ask_in_context(
    model: MacawForConditionalGeneration,
    encoder: ConversationEncoder,
    dataset: DatasetReader,
    settings: EvaluationSettings,
    seed: int,
    given: GivenChoices | None = None,
) -> tuple[list[HeldOut], dict[str, Any]]:
    """Ask the held-out questions as the settings say: behind demonstrations, and with a chain of thought.

    Args:
        model: in evaluation mode.
        encoder: of the model.
        dataset: its `val` split is asked, its `train` split shown.
        settings: how many demonstrations, which, in how many orders; and the chain of thought.
        seed: of the draws.
        given: possible answers to questions that have none of their own.

    Returns:
        The questions with their answers, of the first order; and the entries `in_context`, `reasoning` and
        `given_choices` of the figures, each where it was asked for.

    Raises:
        InputError: nothing is held out, or there is nothing to show.
        UsageError: the model's template has no earlier turns.
    """
    limits = AnswerLimits(
        settings.generate, settings.max_new_tokens, settings.batch_size, settings.constraints, settings.samples,
        settings.metrics,
    )  # fmt: skip
    ask = partial(evaluate_model, model, encoder, dataset, limit=settings.limit, batch_size=settings.batch_size)
    everything: list[Asked] = []
    steps: list[Prepare] = [lambda questions, asked: everything.extend(asked)]
    if given is not None:
        steps.append(lambda questions, asked: given.give(questions))
    shown = _shown(dataset, encoder, settings, model, seed) if settings.shots else None
    first = ask(generation=limits, prepare=_all_of([*steps, *([shown.give] if shown else [])]))
    further: dict[str, Any] = {} if given is None else {"given_choices": given.counts}
    if given is not None and given.counts["unlisted"]:
        unlisted = counted(given.counts["unlisted"], "question")
        say(f"The reference answer of {unlisted} of {given.counts['questions']:,} is not in the file of choices.")
    if shown is not None:
        _warn_of_few(shown, settings.shots)
        runs = [first]
        for order in orders(settings.shots, settings.permutations, seed)[1:]:
            runs.append(ask(prepare=_all_of([*steps[1:], partial(_reorder, first, order)])))
        further["in_context"] = _entry(shown, settings, runs)
    if settings.reasoning != "none":
        Reasoner(model, encoder, dataset, settings).answer(first, everything)
        further["reasoning"] = reasoning_figures(first, settings.reasoning)
    return first, further


def _all_of(steps: Sequence[Prepare]) -> Prepare:
    def prepare(questions: Sequence[HeldOut], asked: Sequence[Asked]) -> None:
        for step in steps:
            step(questions, asked)

    return prepare


def _shown(
    dataset: DatasetReader, encoder: ConversationEncoder, settings: EvaluationSettings, model: Any, seed: int
) -> Shown:
    if encoder.template == "as_published":
        raise UsageError(
            "A model of the published format reads one question and answer, so nothing can be shown before it.",
            "Leave out --shots.",
        )
    choice = Choice(settings.shots, settings.demonstrations, settings.demonstration_pool, seed)
    positions = stated_positions(model.config.text_config)
    return Shown(DemonstrationPool(dataset, choice), settings.shots, encoder, positions)


def _entry(shown: Shown, settings: EvaluationSettings, runs: Sequence[Sequence[HeldOut]]) -> dict[str, Any]:
    entry = {
        "shots": settings.shots, "demonstrations": settings.demonstrations, "shown": mean_of(shown.counts),
        "lacking": shown.lacking, "shortened": shown.shortened, "last_answer": last_answer(runs[0]),
    }  # fmt: skip
    return entry | (over_orders(runs) if len(runs) > 1 else {})


def _reorder(
    first: Sequence[HeldOut], order: Sequence[int], questions: Sequence[HeldOut], asked: Sequence[Asked]
) -> None:
    """Give the questions the demonstrations that they had, in another order."""
    for question, before in zip(questions, first, strict=True):
        shown = before.demonstrations
        question.demonstrations = tuple(shown[at] for at in order if at < len(shown))


def _warn_of_few(shown: Shown, wanted: int) -> None:
    if shown.shortened:
        say(
            f"{counted(shown.shortened, 'question')} had no room for {counted(wanted, 'demonstration')}; the least "
            f"similar ones were left out, {mean_of(shown.counts):g} are shown on average. Lower evaluation.shots."
        )
    if shown.lacking:
        say(
            f"For {counted(shown.lacking, 'question')} the training split has fewer than "
            f"{counted(wanted, 'demonstration')}."
        )
