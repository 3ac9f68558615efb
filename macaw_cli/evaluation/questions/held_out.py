"""The held-out questions: which ones are asked, and what became of each."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.evaluation.questions.conditions import modality_name
from macaw_cli.evaluation.questions.turns import turns_of
from macaw_cli.shards.joined_datasets import DatasetReader
from macaw_cli.shards.training_rows import ConversationRow

UNSEEN_TAG = "unseen"


@dataclass(frozen=True)
class Demonstration:
    """A conversation that is shown before a question, with its answers."""

    row: ConversationRow
    messages: list[dict[str, Any]]


@dataclass(frozen=True)
class Reasoned:
    """What came of a question by chain of thought."""

    text: str
    """The reasoning."""
    answer: str | None
    """None where none could be read."""
    right: bool


@dataclass(frozen=True)
class Judged:
    """What a judge says of a generated answer."""

    score: float
    """0 (wrong) to 1 (right)."""
    reason: str


@dataclass
class HeldOut:
    """One held-out question: its row, its text, and what came of it under each condition.

    Of a conversation with several answers each is a question: its row has the media that were attached by then.
    """

    row: ConversationRow
    messages: list[dict[str, Any]]
    answers: dict[str, str] = field(default_factory=dict)
    """The likeliest choice, or the generated answer."""
    right: dict[str, bool] = field(default_factory=dict)
    """Whether the likeliest choice is the reference answer; empty without choices."""
    likelihood: dict[str, float] = field(default_factory=dict)
    """Log-likelihood of the reference answer in nats."""
    greedy: dict[str, bool] = field(default_factory=dict)
    """Whether greedy decoding gives the reference answer whole; empty with choices."""
    tokens: int = 1
    """Tokens of the reference answer, the end token included."""
    contrary: set[str] = field(default_factory=set)
    """Conditions under which the dataset itself gives another answer."""
    demonstrations: tuple[Demonstration, ...] = ()
    """What is shown before it."""
    scores: dict[str, list[float]] = field(default_factory=dict)
    """Log-likelihood of each candidate in nats; not of what another process of a training has scored."""
    partner: int | None = None
    """Number of the question whose media it is given under `swapped`."""
    turn: int = 1
    """Which of the answers of its conversation it is."""
    turns: int = 1
    """How many answers its conversation has."""
    reasoned: dict[str, Reasoned] = field(default_factory=dict)
    """The answers by chain of thought."""
    judged: dict[str, Judged] = field(default_factory=dict)
    """What a judge says of the generated answers."""

    @cached_property
    def answer(self) -> str:
        """The reference answer: the last message."""
        return text_of(self.messages[-1]["content"])

    @cached_property
    def candidates(self) -> list[str]:
        """What is scored: the choices, and the reference answer where it is not one of them."""
        choices = self.row.choices or []
        return choices if self.answer in choices else [*choices, self.answer]

    @property
    def reference(self) -> int:
        """Which of the candidates is the reference answer."""
        return self.candidates.index(self.answer)

    @property
    def modality(self) -> str:
        """What media it has."""
        return modality_name(self.row)


def held_out_questions(dataset: DatasetReader, limit: int | None, *, every_turn: bool = True) -> list[HeldOut]:
    """The questions of the `val` split, as `first_per_kind` takes its conversations; several answers are as many.

    Args:
        dataset: whose conversations are asked.
        limit: conversations per kind; None takes all.
        every_turn: False asks for the last answer of each conversation only.

    Raises:
        InputError: the dataset holds out no question.
    """
    questions = []
    for row in first_per_kind(dataset.conversations("val", whole=True), limit):
        turns = turns_of(row, dataset.messages(row))
        for number, (own, messages) in enumerate(turns, start=1):
            if every_turn or number == len(turns):
                questions.append(HeldOut(own, messages, turn=number, turns=len(turns)))
    if not questions:
        raise InputError(
            f"No conversation of {dataset.title} is held out.",
            'Build it with a larger dataset.val_fraction, or mark rows with "split": "val".',
        )
    return questions


def first_per_kind(rows: list[ConversationRow], limit: int | None) -> list[ConversationRow]:
    """The first `limit` conversations of each kind, in order, unseen combinations being their own; None takes all."""
    seen: Counter[tuple[str, bool]] = Counter()
    kept = []
    for row in rows:
        group = (kind_of(row), UNSEEN_TAG in row.tags)
        seen[group] += 1
        if limit is None or seen[group] <= limit:
            kept.append(row)
    return kept


def text_of(content: Any) -> str:
    """The text of a message's content, whether text or a list of parts."""
    return content if isinstance(content, str) else "".join(part["text"] for part in content if part["type"] == "text")


def kind_of(row: ConversationRow) -> str:
    """What the question is counted as: its kind, or its modalities where it names none."""
    return row.kind or modality_name(row)
