"""Ask a model every held-out question with real, without and with swapped media."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from macaw_cli.basics import distributed
from macaw_cli.basics.console import progress
from macaw_cli.config.evaluation_settings import MetricName
from macaw_cli.evaluation.asking.generating import AnswerLimits, generate_answers
from macaw_cli.evaluation.asking.scoring import batches_of, score
from macaw_cli.evaluation.asking.sharing import UNANSWERED, all_answers, own_share
from macaw_cli.evaluation.figures.figures import report
from macaw_cli.evaluation.figures.media_pairs import measure_pairs
from macaw_cli.evaluation.figures.reliance import Scored
from macaw_cli.evaluation.metrics.registry import metrics_of
from macaw_cli.evaluation.questions.conditions import Asked, asked_per_medium, asked_under
from macaw_cli.evaluation.questions.held_out import UNSEEN_TAG, HeldOut, held_out_questions, kind_of, text_of
from macaw_cli.evaluation.questions.media_units import units_of
from macaw_cli.evaluation.questions.medium_lenders import medium_lenders
from macaw_cli.evaluation.questions.pools import Question
from macaw_cli.evaluation.questions.turns import partners_of_turns
from macaw_cli.inference.branches import BranchScore
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.shards.joined_datasets import DatasetReader

LEFT_OUT = ("version", "model", "pairs")
"""What a validation in training does not tell."""


def evaluate_model(
    model: MacawForConditionalGeneration,
    encoder: ConversationEncoder,
    dataset: DatasetReader,
    *,
    limit: int | None = None,
    batch_size: int = 64,
    generation: AnswerLimits | None = None,
    in_training: bool = False,
    prepare: Callable[[Sequence[HeldOut], Sequence[Asked]], None] | None = None,
) -> list[HeldOut]:
    """Answer the held-out questions under every condition.

    Args:
        model: in evaluation mode; its device and dtype are used.
        encoder: turns conversations into token ids for this model.
        dataset: the `val` split is asked.
        limit: questions per kind, unseen combinations counted separately; None asks all.
        batch_size: rows per forward pass.
        generation: whether answers are generated for text metrics; None generates none.
        in_training: the processes that train together share the questions (each of them must call it), the progress
            shown leaves nothing behind, and only the conditions `real`, `none` and `swapped` are asked.
        prepare: called with the questions and all that will be asked, before that is encoded; may add demonstrations.

    Returns:
        Every question with its answers; `figures_of` makes the figures of it.

    Raises:
        InputError: the dataset holds out no question.
    """
    questions = held_out_questions(dataset, limit, every_turn=encoder.template != "as_published")
    asked = everything_asked(questions, every=not in_training)
    if prepare is not None:
        prepare(questions, asked)
    batches = list(batches_of(asked, questions, encoder, batch_size, model))
    shared = in_training and distributed.world_size() > 1
    mine = own_share(batches) if shared else batches
    found = torch.full((len(asked), 2), UNANSWERED, dtype=torch.float64, device=model.device)
    total = sum(one.count for batch in mine for one in batch)
    # not inference_mode: weights that ZeRO-3 gathers in it can never be trained again
    with progress("evaluate", total, "answers", passing=in_training) as advance, torch.no_grad():
        for batch in mine:
            answers = {
                number: _found(questions[asked[number].row], asked[number].condition, branches)
                for one, scores in zip(batch, score(model, dataset, batch), strict=True)
                for number, branches in one.shares(scores)
            }
            found[list(answers)] = torch.tensor([*answers.values()], dtype=torch.float64, device=model.device)
            advance(sum(one.count for one in batch), "")
    for item, (choice, likelihood) in zip(asked, (all_answers(found) if shared else found).tolist(), strict=True):
        record(questions[item.row], item.condition, int(choice), likelihood)
        questions[item.row].contrary |= {item.condition} if item.contrary else set()
    if generation and not in_training:
        generate_answers(model, encoder, dataset, questions, asked, generation)
    return questions


def figures_of(
    model_name: str, questions: Sequence[HeldOut], metrics: Mapping[str, MetricName] | None = None
) -> dict[str, Any]:
    """The JSON of `macaw evaluate --json`.

    Args:
        model_name: of the model that answered.
        questions: with their answers.
        metrics: pattern of kinds to text metric, as `evaluation.metrics`.
    """
    figures = report(model_name, [_scored(question, metrics or {}) for question in questions])
    pairs = measure_pairs(questions)
    return figures | ({"pairs": pairs} if pairs else {})


def quick_reliance(
    model: MacawForConditionalGeneration,
    encoder: ConversationEncoder,
    dataset: DatasetReader,
    *,
    limit: int,
    batch_size: int,
) -> dict[str, Any]:
    """The figures over the first `limit` questions per kind; what training shows at its intervals.

    The processes that train share the work, and get the same figures, whatever their number.
    """
    questions = evaluate_model(model, encoder, dataset, limit=limit, batch_size=batch_size, in_training=True)
    return {name: value for name, value in figures_of("", questions).items() if name not in LEFT_OUT}


def everything_asked(questions: Sequence[HeldOut], *, every: bool) -> list[Asked]:
    """What the questions are asked under.

    Args:
        questions: get their `partner`.
        every: False leaves out what a validation in training does not ask.
    """
    known = [_as_question(question) for question in questions]
    partners = partners_of_turns(known, [question.turn for question in questions], seed=0)
    lenders = medium_lenders(known, seed=0) if every else [()] * len(known)
    asked: list[Asked] = []
    for number, (question, partner) in enumerate(zip(questions, partners, strict=True)):
        question.partner = partner
        partner_row = None if partner is None else questions[partner].row
        asked += asked_under(number, question.row, partner_row, every=every)
        own = [None if one is None else (questions[one.index].row.media, one.contrary) for one in lenders[number]]
        asked += asked_per_medium(number, question.row, own)
    return asked


def _as_question(question: HeldOut) -> Question:
    row = question.row
    prompt = "\n".join(text_of(message["content"]) for message in question.messages[:-1])
    return Question(
        kind_of(row),
        prompt,
        question.answer,
        tuple(ref.key for ref in row.media),
        tuple(ref.modality for ref in row.media),
        tuple(row.choices or ()),
        units_of(row.media),
    )


def _scored(question: HeldOut, metrics: Mapping[str, MetricName]) -> Scored:
    kind = kind_of(question.row)
    return Scored(
        kind=kind,
        modality=question.modality,
        answer=question.answer,
        right=question.right,
        unseen=UNSEEN_TAG in question.row.tags,
        choices=tuple(question.row.choices or ()),
        likelihood=question.likelihood,
        tokens=question.tokens,
        greedy=question.greedy,
        generated={} if question.row.choices else question.answers,
        metrics=metrics_of(kind, metrics),
        contrary=frozenset(question.contrary),
        turn=question.turn,
        turns=question.turns,
        media=tuple(ref.key for ref in question.row.media),
        judged={condition: one.score for condition, one in question.judged.items()},
    )


def _found(question: HeldOut, condition: str, scores: Sequence[BranchScore]) -> tuple[int, float]:
    """The likeliest choice, or without choices 1 where greedy decoding gives the answer; and its log-likelihood."""
    question.scores[condition] = [score.log_probability for score in scores]
    reference = scores[question.reference]
    if not question.row.choices:
        return int(reference.greedy), reference.log_probability
    choices = range(len(question.row.choices))
    return max(choices, key=lambda at: scores[at].log_probability), reference.log_probability


def record(question: HeldOut, condition: str, choice: int, likelihood: float) -> None:
    """Keep what came of a question under a condition.

    Args:
        question: that was asked.
        condition: under which.
        choice: number of the likeliest choice; of a question without choices, whether greedy decoding gives the answer.
        likelihood: log-likelihood of the reference answer in nats.
    """
    question.likelihood[condition] = likelihood
    if question.row.choices:
        question.answers[condition] = question.candidates[choice]
        question.right[condition] = question.candidates[choice] == question.answer
    else:
        question.greedy[condition] = bool(choice)
