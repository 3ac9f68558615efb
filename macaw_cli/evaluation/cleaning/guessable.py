"""Training examples that teach guessing: their answer follows from the question without the media.

Source: macaw's own measure. An answer counts as guessed where it is surer than half-way between a uniform guess among
the possible answers and certainty, (1 + 1/n) / 2 for n of them. Of words that many examples share, their answers tell
how sure a guess is; of others, the model.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import torch

from macaw_cli.basics.console import progress
from macaw_cli.evaluation.asking.scoring import batches_of, score
from macaw_cli.evaluation.questions.conditions import Asked
from macaw_cli.evaluation.questions.held_out import HeldOut, first_per_kind, kind_of, text_of
from macaw_cli.evaluation.questions.turns import turns_of
from macaw_cli.inference.branches import BranchScore
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.shards.joined_datasets import DatasetReader

FEWEST = 10
"""Examples with the same words from which a frequency is taken."""
FREE_FORM_CHANCES = 2
"""As many possible answers are assumed where there are no choices: a token of probability above 0.75 is guessed."""


def training_questions(dataset: DatasetReader, limit: int | None) -> list[HeldOut]:
    """The answers of the `train` split to questions with media, of so many conversations per kind."""
    found = []
    for row in first_per_kind(dataset.conversations("train", whole=True), limit):
        if row.media:
            turns = turns_of(row, dataset.messages(row))
            found += [HeldOut(own, messages, turn=number, turns=len(turns))
                      for number, (own, messages) in enumerate(turns, start=1) if own.media]  # fmt: skip
    return found


def guessable_examples(
    model: MacawForConditionalGeneration,
    encoder: ConversationEncoder,
    dataset: DatasetReader,
    questions: Sequence[HeldOut],
    batch_size: int,
) -> list[dict[str, Any]]:
    """The training examples whose answer is the usual one to the same words, or that the model gives without media.

    Without media a model gives all examples with the same words the same answer. Where there are enough of them, that
    it is right about some is no knowledge: the model is asked about words that fewer than `FEWEST` examples have.

    Args:
        model: in evaluation mode.
        encoder: of the model.
        dataset: holds the examples.
        questions: the training examples.
        batch_size: rows per forward pass.

    Returns:
        Rows with `id`, `turn`, `kind`, `modality`, `answer`, `reason`, and `likelihood`: the probability of the answer
        without media, among the choices or, without choices, per token; or its share among examples with the same
        words.
    """
    alike = Counter(map(_words, questions))
    rare = [number for number, question in enumerate(questions) if alike[_words(question)] < FEWEST]
    by_model = _guessed_by_model(model, encoder, dataset, [questions[number] for number in rare], batch_size)
    guessed_ones = guessed_by_frequency(questions) | {rare[number]: told for number, told in by_model.items()}
    found = []
    for number, (reason, likelihood) in sorted(guessed_ones.items()):
        question = questions[number]
        found.append({
            "id": question.row.id, "turn": question.turn, "kind": question.row.kind, "modality": question.modality,
            "answer": question.answer, "reason": reason, "likelihood": round(likelihood, 4),
        })  # fmt: skip
    return found


def guessed_by_frequency(questions: Sequence[HeldOut]) -> dict[int, tuple[str, float]]:
    """By number, reason and share of each answer that most examples with the same words have."""
    answers: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    asked = [_words(question) for question in questions]
    for key, question in zip(asked, questions, strict=True):
        answers[key][question.answer] += 1
    found = {}
    for number, (key, question) in enumerate(zip(asked, questions, strict=True)):
        counts = answers[key]
        share = counts[question.answer] / counts.total()
        if counts.total() >= FEWEST and share >= surely(max(len(counts), 2)):
            found[number] = f"{share:.2f} of {counts.total():,} examples with the same words have this answer", share
    return found


def surely(possible: int) -> float:
    """The probability above which one of so many answers counts as guessed."""
    return (1 + 1 / possible) / 2


def guessed(question: HeldOut, scores: Sequence[BranchScore]) -> float | None:
    """The probability of the answer without media, where it is guessed; None where it is not.

    Args:
        question: a training example.
        scores: of its candidates without media.
    """
    reference = scores[question.reference]
    if not question.row.choices:
        probability = math.exp(reference.log_probability / question.tokens)
        return probability if reference.greedy and probability >= surely(FREE_FORM_CHANCES) else None
    likely = torch.tensor([score.log_probability for score in scores], dtype=torch.float64).softmax(0)
    probability = float(likely[question.reference])
    return probability if probability >= surely(len(scores)) else None


def _guessed_by_model(
    model: MacawForConditionalGeneration,
    encoder: ConversationEncoder,
    dataset: DatasetReader,
    questions: Sequence[HeldOut],
    batch_size: int,
) -> dict[int, tuple[str, float]]:
    asked = [Asked(number, "none", ()) for number in range(len(questions))]
    batches = list(batches_of(asked, questions, encoder, batch_size, model))
    found: dict[int, tuple[str, float]] = {}
    with progress("training examples", len(asked), "answers") as advance, torch.inference_mode():
        for batch in batches:
            for one, scores in zip(batch, score(model, dataset, batch), strict=True):
                for number, branches in one.shares(scores):
                    if (probability := guessed(questions[number], branches)) is not None:
                        found[number] = f"the model gives this answer without media ({probability:.2f})", probability
            advance(sum(one.count for one in batch), "")
    return found


def guessable_per_modality(questions: Sequence[HeldOut], rows: Iterable[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Per modality, the training examples that were `read` and that are `guessable`."""
    read = Counter(question.modality for question in questions)
    found = Counter(row["modality"] for row in rows)
    return {name: {"read": count, "guessable": found[name]} for name, count in read.items()}


def _words(question: HeldOut) -> tuple[str, str]:
    """The kind, and all that is said before the answer."""
    return kind_of(question.row), "\n".join(text_of(message["content"]) for message in question.messages[:-1])
