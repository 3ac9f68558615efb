"""What the quickstart needs to know of a modality to make a small world of it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from macaw_cli.quickstart.questions import Question

Thing = TypeVar("Thing")


class World(ABC):
    """Media of one modality, each with a content that is known, and questions about it.

    Attributes:
        modality: its name.
        suffix: of its files, without the first dot.
        bytes_per_file: about, for the check of free space.
        settings: `--set` values that `macaw.yaml` needs where this modality is among others.
        sample: a question to try on a held-out file.
    """

    modality: ClassVar[str]
    suffix: ClassVar[str]
    bytes_per_file: ClassVar[int]
    settings: ClassVar[tuple[str, ...]] = ()
    sample: ClassVar[str]

    @abstractmethod
    def contents(self, count: int, rng: np.random.Generator, *, unseen: bool) -> list[Any]:
        """The contents of `count` files, balanced; with `unseen`, combinations that no other file has."""

    @abstractmethod
    def write(self, path: Path, content: Any, rng: np.random.Generator) -> None:
        """Write a file of this content, everything else about it at random; equal rng, equal bytes."""

    @abstractmethod
    def ask(self, content: Any, rng: np.random.Generator) -> list[Question]:
        """One question of each kind, in random phrasings."""

    def ask_in_training(self, content: Any, rng: np.random.Generator) -> list[Question]:
        """What is asked about training files besides: nothing, where a world has no more."""
        return []


def dealt(things: Sequence[Thing], count: int, rng: np.random.Generator) -> list[Thing]:
    """Take `count` of `things` in random order, each as often as any other (give or take one)."""
    taken: list[Thing] = []
    while len(taken) < count:
        taken += [things[place] for place in rng.permutation(len(things))]
    return taken[:count]


def phrased(
    kind: str, phrasings: Sequence[str], answer: str, choices: tuple[str, ...], rng: np.random.Generator
) -> Question:
    """A question of a kind in one of its phrasings."""
    return Question(kind, str(rng.choice(phrasings)), answer, choices)
