"""`pope`: questions whether an object is in an image, in three files that choose absent objects differently."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import json_rows
from macaw_cli.basics.shown_text import shown
from macaw_cli.config.tasks.pope import PopeSettings
from macaw_cli.evaluation.tasks.item import Answered, Item, user_turn
from macaw_cli.evaluation.tasks.task import About, Measured, Task

SPLITS = ("random", "popular", "adversarial")
YES, NO = "yes", "no"


class Pope(Task[PopeSettings]):
    """POPE (Li et al., arXiv 2305.10355, section 4)."""

    about = About(
        what="whether an object is in an image; absent objects are drawn at random, by frequency, or by what occurs"
        " beside the objects that are there",
        paper="POPE, arXiv 2305.10355",
        data="https://github.com/AoiDragon/POPE, images: https://cocodataset.org",
        licence="MIT, that of the repository; images of COCO under their own terms",
        files="`path`: `coco_pope_random.json`, `coco_pope_popular.json` and `coco_pope_adversarial.json`, or their"
        " folder; `media`: `val2014/`",
        figures="accuracy, precision, recall, F1 (of `yes`) and the share of `yes`, for all and per split",
    )

    def items(self) -> Iterator[Item | InputError]:
        """Every question of the files."""
        for split, file in self._files():
            for number, row in json_rows(file):
                try:
                    yield self._item(split, row)
                except InputError as error:
                    yield InputError(f"{file.name}, row {number}: {error.problem}")

    def score(self, answered: Answered) -> float:
        """1 where the answer says the same as the label."""
        return float(said(answered.text) == answered.item.reference)

    def measure(self, answers: Sequence[Answered]) -> Measured:
        """The figures of POPE's own script; `yes` is what is looked for. A share of nothing is 0."""
        pairs = [(said(one.text) == YES, one.item.reference == YES) for one in answers]
        found, wanted = sum(yes for yes, _ in pairs), sum(right for _, right in pairs)
        both = sum(yes and right for yes, right in pairs)
        precision, recall = _share(both, found), _share(both, wanted)
        return {
            "accuracy": sum(yes == right for yes, right in pairs) / len(pairs),
            "precision": precision,
            "recall": recall,
            "f1": _share(2 * precision * recall, precision + recall),
            "yes_ratio": found / len(pairs),
        }

    def _files(self) -> list[tuple[str, Path]]:
        if self.path.is_file():
            return [(next((split for split in SPLITS if split in self.path.name), self.path.stem), self.path)]
        named = [(split, self.path / f"{self.settings.data}_pope_{split}.json") for split in SPLITS]
        there = [(split, file) for split, file in named if file.is_file()]
        if not there:
            raise InputError(f"{self.path} holds none of {', '.join(file.name for _, file in named)}.", "Name a file.")
        return there

    def _item(self, split: str, row: Any) -> Item:
        if isinstance(row, InputError):
            raise row
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("image", "text", "label")):
            raise InputError(f"needs `image`, `text` and `label`, found {shown(row, 60)}")
        label = row["label"].strip().lower()
        if label not in (YES, NO):
            raise InputError(f"`label` must be yes or no, found {shown(row['label'], 60)}")
        image = self.medium("image", row["image"], f"val2014/{row['image']}")
        return Item(
            id=f"{split}/{row.get('question_id')}",
            messages=user_turn(self.asked(row["text"]), (image,)),
            media=(image,),
            references=(label,),
            choices=(YES, NO),
            kind=split,
            groups={"split": split},
        )


def said(text: str) -> str:
    """Yes or no, as POPE's own script reads an answer: `no` where its first sentence has the word no or not."""
    words = text.partition(".")[0].replace(",", "").split(" ")
    return NO if {"No", "not", "no"} & set(words) else YES


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
