"""One question of a task, its media, and one answer to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from macaw_cli.inference.sampling import GREEDY, Sampling
from macaw_cli.modalities.table import Modality

Message = Mapping[str, Any]
"""In canonical form: `role`, and `content` as text or parts."""


@dataclass(frozen=True)
class Medium:
    """One media file, or its bytes where the published file holds them.

    Args:
        modality: of the file.
        path: where it is; None where `content` is given.
        content: the bytes of the file; they are put into a temporary file when the item is read.
        name: what messages and `answers.jsonl` call it.
        start: first second that is used; None is the beginning.
        end: last second that is used; None is the end.
    """

    modality: Modality
    path: Path | None = None
    content: bytes | None = None
    name: str = ""
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, kw_only=True)
class Item:
    """One question.

    Args:
        id: of the question, unique within the task.
        messages: in canonical form, the last one the user's. A part such as `{"type": "image"}` is the place of a
            medium; media without a place stand before everything.
        media: in order of appearance.
        references: the right answers, the best one first; none where nobody knows.
        choices: the possible answers, where they are few; the likeliest of them can be the answer.
        options: the texts that lettered `choices` stand for, in the same order; empty where they stand for themselves.
        kind: media are swapped among items of the same kind, and `limit` counts per kind.
        cluster: items of one cluster are judged together, such as the questions about one image. A condition has all
            items of a cluster or none, and its mean is one value of the paired interval. Empty: its own.
        groups: kind of group to the item's group, such as `{"subject": "NAT"}`; figures are reported for each.
        facts: what else the task's figures need.
        sampling: how a generated answer is drawn.
        seed: of the sampling.
    """

    id: str
    messages: Sequence[Message]
    media: tuple[Medium, ...] = ()
    references: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    kind: str = ""
    cluster: str = ""
    groups: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    sampling: Sampling = GREEDY
    seed: int = 0

    @property
    def reference(self) -> str:
        """The best right answer; empty where there is none."""
        return self.references[0] if self.references else ""

    @property
    def meaning(self) -> str:
        """What the best right answer says: of a letter its option."""
        if self.options and self.reference in self.choices:
            return self.options[self.choices.index(self.reference)]
        return self.reference

    @property
    def cluster_id(self) -> str:
        """The cluster, or the item's own."""
        return self.cluster or f"item {self.id}"


@dataclass(frozen=True)
class Answered:
    """An item and the answer that the model gave under one condition.

    Args:
        item: the question.
        text: what was generated, or the likeliest of the choices.
        likelihoods: of the choices, log-likelihoods in nats; empty where the answer was generated.
    """

    item: Item
    text: str
    likelihoods: tuple[float, ...] = ()


def user_turn(text: str, media: Sequence[Medium] = ()) -> tuple[Message, ...]:
    """The messages of a question whose media stand before its text.

    Args:
        text: of the question.
        media: of the question, in order.
    """
    parts = [*({"type": medium.modality} for medium in media), {"type": "text", "text": text}]
    return ({"role": "user", "content": parts},)
