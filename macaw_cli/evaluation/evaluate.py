"""Ask a model every held-out question with real, without and with swapped media."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from macaw_cli.basics import distributed
from macaw_cli.basics.console import progress
from macaw_cli.basics.errors import InputError
from macaw_cli.evaluation.accuracy import Scored, report
from macaw_cli.evaluation.branches import BranchRow, BranchScore, branch_batch, branch_scores
from macaw_cli.evaluation.conditions import Asked, asked_under, modality_name, without_media
from macaw_cli.evaluation.sharing import UNANSWERED, all_answers, own_share
from macaw_cli.evaluation.swapping import Question, swap_partners
from macaw_cli.model.encoding import ConversationEncoder
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.shards.joined_datasets import DatasetReader
from macaw_cli.shards.training_rows import ConversationRow

UNSEEN_TAG = "unseen"


@dataclass
class HeldOut:
    """One held-out question: its row, its text, and what was answered under each condition."""

    row: ConversationRow
    messages: list[dict[str, Any]]
    answers: dict[str, str] = field(default_factory=dict)
    right: dict[str, bool] = field(default_factory=dict)

    @property
    def answer(self) -> str:
        """The expected answer: the last message."""
        return text_of(self.messages[-1]["content"])

    @property
    def candidates(self) -> list[str]:
        """What is scored: the choices, or the expected answer alone."""
        return self.row.choices or [self.answer]


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
    batches = list(_batches(asked, questions, encoder, batch_size))
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
                _kind(question),
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


def held_out_questions(dataset: DatasetReader, limit: int | None) -> list[HeldOut]:
    """The first `limit` questions per kind (unseen combinations apart) in the order of the index."""
    taken: dict[tuple[str, bool], int] = defaultdict(int)
    questions = []
    for row in dataset.conversations("val"):
        group = (_kind_of(row), UNSEEN_TAG in row.tags)
        if limit is None or taken[group] < limit:
            taken[group] += 1
            questions.append(HeldOut(row, dataset.messages(row)))
    if not questions:
        raise InputError(
            f"No conversation of {dataset.title} is held out.",
            'Build it with a larger dataset.val_fraction, or mark rows with "split": "val".',
        )
    return questions


def text_of(content: Any) -> str:
    """The text of a message's content, whether text or a list of parts."""
    return content if isinstance(content, str) else "".join(part["text"] for part in content if part["type"] == "text")


def _kind(question: HeldOut) -> str:
    return _kind_of(question.row)


def _kind_of(row: ConversationRow) -> str:
    return row.kind or modality_name(row)


def _as_question(question: HeldOut) -> Question:
    row = question.row
    prompt = "\n".join(text_of(message["content"]) for message in question.messages[:-1])
    return Question(
        _kind_of(row),
        prompt,
        question.answer,
        tuple(ref.key for ref in row.media),
        tuple(ref.modality for ref in row.media),
    )


def _batches(
    asked: list[Asked], questions: list[HeldOut], encoder: ConversationEncoder, batch_size: int
) -> Iterator[list[_Encoded]]:
    """Encoded questions, sorted by length so that a batch holds little padding."""
    rows = [
        _Encoded(number, item, _branch_row(item, questions[item.row], encoder)) for number, item in enumerate(asked)
    ]
    rows.sort(key=lambda one: (len(one.row.prompt) + len(one.row.tail), one.asked.row))
    for start in range(0, len(rows), batch_size):
        yield rows[start : start + batch_size]


def _branch_row(item: Asked, question: HeldOut, encoder: ConversationEncoder) -> BranchRow:
    messages = question.messages if item.media else without_media(question.messages)
    media = [(ref.modality, ref.shape) for ref in item.media]
    prompt = encoder.prompt(messages[:-1], media).input_ids
    branches = [encoder.response_ids(candidate) for candidate in question.candidates]
    return BranchRow(prompt, branches)


def _score(
    model: MacawForConditionalGeneration, dataset: DatasetReader, batch: list[_Encoded]
) -> list[list[BranchScore]]:
    layout = branch_batch([one.row for one in batch])
    features: dict[str, list[torch.Tensor]] = defaultdict(list)
    for one in batch:
        for ref in one.asked.media:
            features[f"{ref.modality}_features"].append(
                torch.from_numpy(dataset.features(ref)).to(model.device, model.dtype)
            )
    output = model(
        input_ids=layout.input_ids.to(model.device),
        position_ids=layout.position_ids.to(model.device),
        attention_mask=layout.attention_mask.to(model.device),
        logits_to_keep=layout.keep,
        use_cache=False,
        **features,
    )
    return branch_scores([one.row for one in batch], output.logits)


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
