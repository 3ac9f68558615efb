"""Ask a model every held-out question with real, without and with swapped media."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from macaw_cli.basics import distributed
from macaw_cli.basics.console import progress
from macaw_cli.evaluation.accuracy import Scored, report
from macaw_cli.evaluation.branches import (
    BranchRow,
    BranchScore,
    apart,
    branch_batch,
    branch_scores,
    kept_logits,
    plain_batch,
)
from macaw_cli.evaluation.conditions import Asked, asked_under, modality_name, without_media
from macaw_cli.evaluation.held_out import UNSEEN_TAG, HeldOut, held_out_questions, kind_of, text_of
from macaw_cli.evaluation.sharing import UNANSWERED, all_answers, own_share
from macaw_cli.evaluation.swapping import Question, swap_partners
from macaw_cli.model.encoding import ConversationEncoder
from macaw_cli.model.isolation import branches_stay_apart
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.shards.joined_datasets import DatasetReader

MOST_LOGITS = 2**28
"""Of a forward pass: half a GiB in bf16."""


@dataclass(frozen=True)
class _Encoded:
    """One thing that is asked, ready for a batch."""

    number: int
    """Place among everything that is asked."""
    asked: Asked
    row: BranchRow


def evaluate_model(
    model: MacawForConditionalGeneration,
    encoder: ConversationEncoder,
    dataset: DatasetReader,
    *,
    limit: int | None = None,
    batch_size: int = 64,
    apart: bool = True,
    shared: bool = False,
    passing: bool = False,
) -> list[HeldOut]:
    """Answer the held-out questions under every condition.

    Args:
        model: in evaluation mode; its device and dtype are used.
        encoder: turns conversations into token ids for this model.
        dataset: the `val` split is asked.
        limit: questions per kind, unseen combinations counted apart; None asks all.
        batch_size: rows per forward pass.
        apart: whether picture and sound of a video are swapped apart as well.
        shared: whether the processes that train together share the questions; each of them must call it.
        passing: whether the progress shown leaves nothing behind.

    Returns:
        Every question with its answers; `accuracy.report` makes the figures of it.

    Raises:
        InputError: the dataset holds out no question.
    """
    questions = held_out_questions(dataset, limit)
    partners = swap_partners([_as_question(question) for question in questions], seed=0)
    asked: list[Asked] = []
    for number, (question, partner) in enumerate(zip(questions, partners, strict=True)):
        lender = None if partner is None else questions[partner].row
        asked += asked_under(number, question.row, lender, apart=apart)
    batches = list(_batches(asked, questions, encoder, batch_size, model))
    mine = own_share(batches) if shared else batches
    choices = torch.full((len(asked),), UNANSWERED, device=model.device)
    # not inference_mode: weights that ZeRO-3 gathers in it can never be trained again
    with progress("evaluate", sum(map(len, mine)), "answers", passing=passing) as advance, torch.no_grad():
        for batch in mine:
            scores = _score(model, dataset, batch)
            for one, branches in zip(batch, scores, strict=True):
                choices[one.number] = _choice(questions[one.asked.row], branches)
            advance(len(batch), "")
    for item, choice in zip(asked, (all_answers(choices) if shared else choices).tolist(), strict=True):
        _record(questions[item.row], item.condition, choice)
    return questions


def figures_of(model_name: str, questions: Sequence[HeldOut]) -> dict[str, Any]:
    """The JSON of `macaw evaluate --json`."""
    return report(
        model_name,
        [
            Scored(
                kind_of(question.row),
                modality_name(question.row),
                question.answer,
                question.right,
                UNSEEN_TAG in question.row.tags,
            )
            for question in questions
        ],
    )


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
    shared = distributed.world_size() > 1
    questions = evaluate_model(
        model, encoder, dataset, limit=limit, batch_size=batch_size, apart=False, shared=shared, passing=True
    )
    return figures_of("", questions)


def _as_question(question: HeldOut) -> Question:
    row = question.row
    prompt = "\n".join(text_of(message["content"]) for message in question.messages[:-1])
    return Question(
        kind_of(row),
        prompt,
        question.answer,
        tuple(ref.key for ref in row.media),
        tuple(ref.modality for ref in row.media),
    )


def _batches(
    asked: list[Asked],
    questions: list[HeldOut],
    encoder: ConversationEncoder,
    batch_size: int,
    model: MacawForConditionalGeneration,
) -> Iterator[list[_Encoded]]:
    """Encoded questions, sorted by length so that a batch holds little padding; one at least, else few logits."""
    rows = [
        _Encoded(number, item, _branch_row(item, questions[item.row], encoder)) for number, item in enumerate(asked)
    ]
    rows.sort(key=lambda one: (one.row.length, one.asked.row))
    most = MOST_LOGITS // model.config.text_config.vocab_size
    batch: list[_Encoded] = []
    for one in rows:
        if batch and (len(batch) == batch_size or _positions_kept(model, [*batch, one]) > most):
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def _positions_kept(model: MacawForConditionalGeneration, batch: list[_Encoded]) -> int:
    """B K of the forward pass, as `_score` will make it."""
    rows = [one.row for one in batch]
    plain = _needs_plain_rows(model, rows)
    count = sum(len(row.branches) for row in rows) if plain else len(rows)
    return count * kept_logits(rows, plain=plain)


def _needs_plain_rows(model: MacawForConditionalGeneration, rows: list[BranchRow]) -> bool:
    """Whether the answers to one question would disturb each other in one row."""
    return not branches_stay_apart(model.language_model, max(row.length for row in rows))


def _branch_row(item: Asked, question: HeldOut, encoder: ConversationEncoder) -> BranchRow:
    messages = question.messages if item.media else without_media(question.messages)
    media = [(ref.modality, ref.shape) for ref in item.media]
    prompt = encoder.prompt(messages[:-1], media).input_ids
    branches = [encoder.response_ids(candidate) for candidate in question.candidates]
    return BranchRow(prompt, branches)


def _score(
    model: MacawForConditionalGeneration, dataset: DatasetReader, batch: list[_Encoded]
) -> list[list[BranchScore]]:
    rows = [one.row for one in batch]
    plain = _needs_plain_rows(model, rows)
    layout = plain_batch(apart(rows)) if plain else branch_batch(rows)
    features: dict[str, list[torch.Tensor]] = defaultdict(list)
    for one in batch:
        for _ in one.row.branches if plain else (0,):
            for ref in one.asked.media:
                features[f"{ref.modality}_features"].append(
                    torch.from_numpy(dataset.features(ref)).to(model.device, model.dtype)
                )
    output = model(**layout.inputs(model.device), logits_to_keep=layout.keep, use_cache=False, **features)
    if not plain:
        return branch_scores(rows, layout, output.logits)
    scores = iter(branch_scores(apart(rows), layout, output.logits))
    return [[next(scores)[0] for _ in row.branches] for row in rows]


def _choice(question: HeldOut, scores: list[BranchScore]) -> int:
    """With choices the number of the likeliest; without, 1 if greedy decoding gives the whole answer, else 0."""
    if question.row.choices:
        return max(range(len(scores)), key=lambda at: scores[at].log_probability)
    return int(scores[0].greedy)


def _record(question: HeldOut, condition: str, choice: int) -> None:
    if question.row.choices:
        question.answers[condition] = question.candidates[choice]
        question.right[condition] = question.candidates[choice] == question.answer
    else:
        question.answers[condition] = question.answer if choice else ""
        question.right[condition] = bool(choice)
