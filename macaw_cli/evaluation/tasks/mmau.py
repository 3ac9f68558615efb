"""`mmau`: questions about speech, music and other audio with a few choices each."""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import json_rows
from macaw_cli.config.tasks.mmau import MmauSettings
from macaw_cli.evaluation.tasks.item import Answered, Item, user_turn
from macaw_cli.evaluation.tasks.row_reading import items_of_rows, texts_of
from macaw_cli.evaluation.tasks.task import About, Task

GROUPS = {"task": "task", "difficulty": "difficulty", "category": "category", "sub-category": "skill"}
"""Column of the file to what its groups are called."""


class Mmau(Task[MmauSettings]):
    """MMAU (Sakshi et al., arXiv 2410.19168)."""

    about = About(
        what="questions about speech, music and other audio that need knowledge and reasoning, with choices",
        paper="MMAU, arXiv 2410.19168",
        data="https://github.com/Sakshi113/MMAU",
        licence="as its repository says; clips under the terms of their sources",
        files="`path`: `mmau-test-mini.json`; `media`: the folder above `test-mini-audios/`",
        figures="the official accuracy: all words of the right choice are in the answer, and no word that only other"
        " choices have; for all, and per task, difficulty, category and skill",
    )
    modalities = ("audio",)

    def items(self) -> Iterator[Item | InputError]:
        """Every question whose answer is published."""
        return items_of_rows(self.path, json_rows(self.path), self._item)

    def score(self, answered: Answered) -> float:
        """1 where the answer names the right choice alone."""
        if answered.likelihoods:
            return float(answered.text == answered.item.reference)
        return float(names_choice(answered.text, answered.item.reference, answered.item.choices))

    def _item(self, row: Any) -> Item:
        key, file, question, answer = texts_of(row, "id", "audio_id", "question", "answer")
        choices = tuple(str(choice) for choice in row.get("choices") or ())
        if answer not in choices:
            raise InputError("the answer is none of the `choices`")
        name = str(PurePosixPath(file))  # without ./
        clip = self.medium("audio", name, PurePosixPath(file).name)
        listed = "\n".join(choices)
        return Item(
            id=key,
            messages=user_turn(self.asked(f"{question}\nAnswer with one of these options:\n{listed}"), (clip,)),
            media=(clip,),
            references=(answer,),
            choices=choices,
            kind=str(row.get("task", "")),
            groups={called: str(row[column]) for column, called in GROUPS.items() if row.get(column)},
        )


def names_choice(text: str, right: str, choices: Sequence[str]) -> bool:
    """Whether an answer has all words of the right choice, and none that stands only in other choices.

    Source: the evaluation of MMAU (arXiv 2410.19168), whose words are runs of letters, digits and underscores.
    """
    said, wanted = _words(text), _words(right)
    others = {word for choice in choices for word in _words(choice)} - wanted
    return bool(said) and wanted <= said and not said & others


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))
