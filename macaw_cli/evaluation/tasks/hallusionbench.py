"""`hallusionbench`: a JSON file of yes-or-no questions about original and edited images, and without any."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import json_rows
from macaw_cli.config.tasks.hallusionbench import HallusionbenchSettings
from macaw_cli.evaluation.tasks.cells import fields_of
from macaw_cli.evaluation.tasks.item import Answered, Item, user_turn
from macaw_cli.evaluation.tasks.row_reading import items_of_rows, texts_of
from macaw_cli.evaluation.tasks.task import About, Measured, Task
from macaw_cli.evaluation.tasks.yes_no import only_said

CATEGORIES = ("VD", "VS")
"""Visual dependent, visual supplement: the latter can be answered without the image."""
_ANSWERS = {"0": "no", "1": "yes"}


class Hallusionbench(Task[HallusionbenchSettings]):
    """HallusionBench (Guan et al., arXiv 2310.14566, section 4)."""

    about = About(
        what="yes-or-no questions about original and edited images, charts and illusions, and about none: language"
        " hallucination and visual illusion",
        paper="HallusionBench, arXiv 2310.14566",
        data="https://github.com/tianyi-lab/HallusionBench",
        licence="BSD-3-Clause",
        files="`path`: `HallusionBench.json`, or its folder; `media`: the folder of `VD/` and `VS/`",
        figures="`a_acc` per question, `f_acc` per figure (all its questions right), `q_acc` per question pair (right"
        " about all figures), `easy_acc` and `hard_acc` about original and edited figures. Yes and no are read from the"
        " text instead of by GPT-4; neither of them is *unclear*, which is right only where a question of VS has no"
        " image",
    )
    score_name = "a_acc"

    def items(self) -> Iterator[Item | InputError]:
        """Every question of the file."""
        file = self.published("HallusionBench.json")
        yield from items_of_rows(file, json_rows(file), self._item)

    def score(self, answered: Answered) -> float:
        """1 where the answer is right."""
        said = only_said(answered.text)
        return float(said == answered.item.reference or (not said and answered.item.facts["may_be_unclear"]))

    def measure(self, answers: Sequence[Answered]) -> Measured:
        """The figures of the official script."""
        original = [one for one in answers if one.item.facts["original"]]
        edited = [one for one in answers if not one.item.facts["original"]]
        shown = [one for one in answers if not one.item.facts["may_be_unclear"]]
        pairs = {
            "f_acc": self._all_right(shown, lambda item: str(item.facts["figure"])),
            "q_acc": self._all_right(answers, lambda item: str(item.facts["question"])),
            "easy_acc": self._all_right(original, lambda item: str(item.facts["question"])),
            "hard_acc": self._all_right(edited, lambda item: str(item.facts["question"])),
        }
        return super().measure(answers) | {name: value for name, value in pairs.items() if value is not None}

    def _all_right(self, answers: Sequence[Answered], key: Callable[[Item], str]) -> float | None:
        """The share of groups in which all answers are right; None without any."""
        groups: dict[str, list[float]] = defaultdict(list)
        for one in answers:
            groups[key(one.item)].append(self.score(one))
        return sum(map(all, groups.values())) / len(groups) if groups else None

    def _item(self, row: Any) -> Item:
        names = ("category", "subcategory", "question")
        category, subcategory, question = texts_of(row, *names)
        fields_of(row, "set_id", "figure_id", "question_id", "visual_input", "gt_answer")
        group, figure, number, visual, answer = (
            str(row[name]) for name in ("set_id", "figure_id", "question_id", "visual_input", "gt_answer")
        )
        if category not in CATEGORIES or answer not in _ANSWERS:
            raise InputError("`category` must be VD or VS, and `gt_answer` 0 or 1")
        place = f"{category}/{subcategory}"
        name = f"{place}/{group}_{figure}.png"
        media = () if visual == "0" else (self.medium("image", name, f"hallusion_bench/{name}"),)
        return Item(
            id=f"{place}/{group}_{figure}_{number}",
            messages=user_turn(self.asked(question), media),
            media=media,
            references=(_ANSWERS[answer],),
            choices=("yes", "no"),
            kind=category,
            cluster=f"{place}/{group}",
            groups={"category": category, "subcategory": place},
            facts={
                "figure": f"{place}/{group}_{figure}", "question": f"{place}/{group}_{number}",
                "original": figure == "0", "may_be_unclear": category == "VS" and figure == "0",
            },
        )  # fmt: skip
