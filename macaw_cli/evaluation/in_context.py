"""Questions behind demonstrations, in one or several orders of them; and the mean over the orders.

Orders: Lu et al. 2022 (arXiv 2104.08786). The mean log-likelihood of each candidate over the orders is prompt
ensembling as in Flamingo (Alayrac et al. 2022, appendix A.2).
"""

import copy
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from macaw_cli.basics.console import say
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import UsageError
from macaw_cli.config.evaluation_settings import EvaluationSettings
from macaw_cli.evaluation.conditions import Asked
from macaw_cli.evaluation.demonstrations import Choice, DemonstrationPool, orders
from macaw_cli.evaluation.evaluate import evaluate_model, figures_of
from macaw_cli.evaluation.generating import AnswerLimits
from macaw_cli.evaluation.held_out import HeldOut, text_of
from macaw_cli.evaluation.scoring import prompt_of
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.positions import stated_positions
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.shards.joined_datasets import DatasetReader

MEASURES = ("real", "none", "swapped", "reliance", "preference")


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
) -> tuple[list[HeldOut], dict[str, Any]]:
    """Ask the held-out questions, behind demonstrations where `evaluation.shots` is above 0.

    Args:
        model: in evaluation mode.
        encoder: of the model.
        dataset: its `val` split is asked, its `train` split shown.
        settings: how many demonstrations, which, in how many orders.
        seed: of the draws.

    Returns:
        The questions with their answers, of the first order; and the entry `in_context` of the figures, empty without
        demonstrations.

    Raises:
        InputError: nothing is held out, or there is nothing to show.
        UsageError: the model's template has no earlier turns.
    """
    limits = AnswerLimits(settings.generate, settings.max_new_tokens, settings.batch_size)
    ask = partial(evaluate_model, model, encoder, dataset, limit=settings.limit, batch_size=settings.batch_size)
    if not settings.shots:
        return ask(generation=limits), {}
    if encoder.template == "as_published":
        raise UsageError(
            "A model of the published format reads one question and answer, so nothing can be shown before it.",
            "Leave out --shots.",
        )
    choice = Choice(settings.shots, settings.demonstrations, settings.demonstration_pool, seed)
    positions = stated_positions(model.config.text_config)
    shown = Shown(DemonstrationPool(dataset, choice), settings.shots, encoder, positions)
    runs = [ask(generation=limits, prepare=shown.give)]
    _warn_of_few(shown, settings.shots)
    for order in orders(settings.shots, settings.permutations, seed)[1:]:
        runs.append(ask(prepare=partial(_reorder, runs[0], order)))
    entry = {
        "shots": settings.shots, "demonstrations": settings.demonstrations, "shown": _mean(shown.counts),
        "lacking": shown.lacking, "shortened": shown.shortened, "last_answer": last_answer(runs[0]),
    }  # fmt: skip
    return runs[0], {"in_context": entry | (over_orders(runs) if len(runs) > 1 else {})}


def last_answer(questions: Sequence[HeldOut]) -> dict[str, float]:
    """Per modality, the share of the questions whose answer is also that of their last demonstration.

    What a model reaches that repeats it: with `nearest`, nearest-neighbour classification.

    Args:
        questions: with their demonstrations.
    """
    same: dict[str, list[bool]] = {}
    for question in questions:
        if question.demonstrations:
            answer = text_of(question.demonstrations[-1].messages[-1]["content"])
            same.setdefault(question.modality, []).append(answer == question.answer)
    return {modality: _mean(right) for modality, right in same.items()}


def over_orders(runs: Sequence[Sequence[HeldOut]]) -> dict[str, Any]:
    """Figures per order of the demonstrations, and over them.

    Args:
        runs: the same questions, answered behind each order.

    Returns:
        `orders`, and for `overall` and each of `modalities` per measure: its values (`each`), their `mean` and
        standard deviation `std` (n - 1), and `ensemble`, that of the mean log-likelihoods.
    """
    reports = [figures_of("", run) for run in runs]
    whole = figures_of("", ensemble(runs))
    modalities = {name: _spread([one["modalities"][name] for one in reports], whole["modalities"][name])
                  for name in whole["modalities"]}  # fmt: skip
    found: dict[str, Any] = {"orders": len(runs), "modalities": modalities}
    for name in ("overall", "text"):
        if name in whole:
            found[name] = _spread([one[name] for one in reports], whole[name])
    return found


def ensemble(runs: Sequence[Sequence[HeldOut]]) -> list[HeldOut]:
    """The questions with the mean log-likelihood of each candidate over the runs; whatever is generated is left out."""
    answered = []
    for same in zip(*runs, strict=True):
        question = copy.copy(same[0])
        question.answers, question.right, question.likelihood, question.greedy = {}, {}, {}, {}
        question.scores = {
            condition: np.mean([one.scores[condition] for one in same], axis=0).tolist()
            for condition in same[0].scores
        }
        for condition, scores in question.scores.items():
            question.likelihood[condition] = scores[question.reference]
            if question.row.choices:
                best = max(range(len(question.row.choices)), key=scores.__getitem__)
                question.answers[condition] = question.candidates[best]
                question.right[condition] = best == question.reference
        answered.append(question)
    return answered


def _reorder(
    first: Sequence[HeldOut], order: Sequence[int], questions: Sequence[HeldOut], asked: Sequence[Asked]
) -> None:
    """Give the questions the demonstrations that they had, in another order."""
    for question, before in zip(questions, first, strict=True):
        shown = before.demonstrations
        question.demonstrations = tuple(shown[at] for at in order if at < len(shown))


def _spread(reports: Sequence[dict[str, Any]], whole: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for measure in MEASURES:
        each = [one.get(measure) for one in reports]
        if all(value is not None for value in each):
            values = np.array(each, float)
            std = round(float(values.std(ddof=1)), 4)
            found[measure] = {"each": each, "mean": _mean(each), "std": std, "ensemble": whole.get(measure)}
    return found


def _warn_of_few(shown: Shown, wanted: int) -> None:
    if shown.shortened:
        say(
            f"{counted(shown.shortened, 'question')} had no room for {counted(wanted, 'demonstration')}; the least "
            f"similar ones were left out, {_mean(shown.counts):g} are shown on average. Lower evaluation.shots."
        )
    if shown.lacking:
        say(
            f"For {counted(shown.lacking, 'question')} the training split has fewer than "
            f"{counted(wanted, 'demonstration')}."
        )


def _mean(values: Sequence[Any]) -> float:
    return round(float(np.mean(values)), 4) if values else 0.0
