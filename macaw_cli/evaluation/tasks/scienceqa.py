"""`scienceqa`: one JSON file of problems from school books, and their images; asked in the published formats."""

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import json_members, json_rows
from macaw_cli.basics.shown_text import shown
from macaw_cli.config.tasks.scienceqa import ScienceqaSettings
from macaw_cli.evaluation.tasks.cells import fields_of
from macaw_cli.evaluation.tasks.item import Answered, Item, user_turn
from macaw_cli.evaluation.tasks.lettered import LETTERS
from macaw_cli.evaluation.tasks.row_reading import texts_of
from macaw_cli.evaluation.tasks.scienceqa_prompts import Problem, demonstration, prompt
from macaw_cli.evaluation.tasks.task import About, Task

SUBJECTS = {"natural science": "NAT", "social science": "SOC", "language science": "LAN"}
MOST_CHOICES = 5
_SAID = re.compile(r"The answer is \(?([A-Z])\)?")
_BEGINS = re.compile(r"\(?([A-Z])\)?(?:[.:\n].*)?", re.DOTALL)


class Scienceqa(Task[ScienceqaSettings]):
    """ScienceQA (Lu et al., arXiv 2209.09513, section 4)."""

    about = About(
        what="multiple choice of natural, social and language science, grades 1 to 12; 49 % have an image",
        paper="ScienceQA, arXiv 2209.09513",
        data="https://scienceqa.github.io",
        licence="CC BY-NC-SA 4.0",
        files="`path`: `problems.json`, or its folder; `media`: the folder of `test/`, `val/` and `train/`",
        figures="accuracy by subject (NAT, SOC, LAN), by context (`has_text`, `has_image`, `no_context`) and by grade"
        " (1-6, 7-12). The answer is a letter at the beginning, or behind `The answer is`; without one it is wrong,"
        " where the published code draws one at random",
    )

    def items(self) -> Iterator[Item | InputError]:
        """The questions of the split, in the order of the file."""
        file = self.published("problems.json")
        captions = _captions(Path(self.settings.captions)) if self.settings.captions else {}
        written = _rationales(Path(self.settings.rationales)) if self.settings.rationales else {}
        shown_before = "".join(f"{one}\n\n" for one in self._demonstrations(file, captions))
        for key, row in json_members(file):
            if not isinstance(row, InputError) and isinstance(row, dict) and row.get("split") != self.settings.split:
                continue
            try:
                problem = _problem(row, captions.get(key, ""))
                if self.settings.rationales and key not in written:
                    raise InputError(f"the question {key} has no answer in {self.settings.rationales}")
                text = shown_before + prompt(problem, self.settings.input, written.get(key, ""))
                yield self._item(key, row, problem, text)
            except InputError as error:
                yield InputError(f"{file.name}, question {key}: {error.problem}")

    def score(self, answered: Answered) -> float:
        """1 where the letter is the right one; behind demonstrations, whose answers have one line, the first counts."""
        text = answered.text.strip().partition("\n")[0] if self.settings.shots else answered.text
        return float(said_letter(text, len(answered.item.choices)) == answered.item.reference)

    def _demonstrations(self, file: Path, captions: dict[str, str]) -> list[str]:
        """Problems of the training split that have no image, with their answers; drawn by the seed."""
        if not self.settings.shots:
            return []
        known = []
        for key, row in json_members(file):
            if isinstance(row, dict) and row.get("split") == "train" and not row.get("image"):
                known.append((key, row))
        if len(known) < self.settings.shots:
            raise InputError(
                f"{file.name} has {len(known)} training problems without an image, but {self.settings.shots} shots are"
                " wanted.", "Lower `shots`.",
            )  # fmt: skip
        chosen = random.Random(self.settings.seed).sample(known, self.settings.shots)
        problems = [_problem(row, captions.get(key, "")) for key, row in chosen]
        return [demonstration(problem, self.settings.input, self.settings.output) for problem in problems]

    def _item(self, key: str, row: Any, problem: Problem, text: str) -> Item:
        name, split = row.get("image"), self.settings.split
        places = [f"{split}/{key}/{name}", f"images/{split}/{key}/{name}"]
        media = (self.medium("image", *places),) if isinstance(name, str) and name else ()
        letters = tuple(LETTERS[: len(problem.choices)])
        subject = SUBJECTS.get(str(row.get("subject")), str(row.get("subject")))
        grade = str(row.get("grade", "")).removeprefix("grade")
        yes_no = {True: "yes", False: "no"}
        return Item(
            id=key,
            messages=user_turn(self.asked(text), media),
            media=media,
            references=(letters[problem.answer],),
            choices=letters,
            options=problem.choices,
            kind=subject,
            groups={
                "subject": subject,
                "has_text": yes_no[bool(problem.hint)],
                "has_image": yes_no[bool(media)],
                "no_context": yes_no[not problem.hint and not media],
                **({"grade": "1-6" if int(grade) <= 6 else "7-12"} if grade.isdecimal() else {}),
            },
        )


def said_letter(answer: str, choices: int) -> str:
    """The letter that an answer says: at its beginning, or once behind `The answer is`; else empty.

    Args:
        answer: of a model.
        choices: how many letters there are.
    """
    begun = _BEGINS.fullmatch(answer.strip())
    found = [begun[1]] if begun else _SAID.findall(answer)
    return found[0] if len(found) == 1 and found[0] in LETTERS[:choices] else ""


def _problem(row: Any, caption: str) -> Problem:
    """The parts of a problem that a prompt needs.

    Raises:
        InputError: one is missing or has another form.
    """
    (question,) = texts_of(row, "question")
    choices, answer = (fields_of(row, "choices", "answer")[name] for name in ("choices", "answer"))
    if not isinstance(choices, list) or not 0 < len(choices) <= MOST_CHOICES:
        raise InputError(f"needs up to {MOST_CHOICES} `choices`, found {shown(choices, 60)}")
    if isinstance(answer, bool) or not isinstance(answer, int) or not 0 <= answer < len(choices):
        raise InputError(f"`answer` must be the place of one of {len(choices)} choices, found {shown(answer, 60)}")
    hint, lecture, solution = (str(row.get(name) or "") for name in ("hint", "lecture", "solution"))
    return Problem(question, tuple(map(str, choices)), answer, hint, lecture, solution, caption)


def _captions(file: Path) -> dict[str, str]:
    """Id to caption, from `captions.json`: an object with `captions`."""
    found = dict(json_members(file)).get("captions")
    if not isinstance(found, dict):
        raise InputError(f"{file} has no object `captions`.", "Name the published captions.json.")
    return {str(key): str(text) for key, text in found.items()}


def _rationales(file: Path) -> dict[str, str]:
    """Id to what a model wrote, from the `answers.jsonl` of an earlier run."""
    rows = (row for _, row in json_rows(file) if isinstance(row, dict) and isinstance(row.get("answers"), dict))
    return {str(row.get("id")): str(row["answers"].get("real", "")) for row in rows}
