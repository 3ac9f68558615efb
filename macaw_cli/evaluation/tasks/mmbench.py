"""`mmbench`: a TSV of multiple choice with base64 images; a question is right only if it is in every rotation."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from macaw_cli.basics.csv_rows import csv_rows
from macaw_cli.basics.errors import InputError
from macaw_cli.config.tasks.mmbench import MmbenchSettings
from macaw_cli.evaluation.tasks.cells import image_of_base64
from macaw_cli.evaluation.tasks.item import Answered, Item, Medium, user_turn
from macaw_cli.evaluation.tasks.lettered import LETTERS, chosen_letter, with_options
from macaw_cli.evaluation.tasks.row_reading import texts_of
from macaw_cli.evaluation.tasks.task import About, Measured, Task

ROTATED = 1_000_000
"""Added to the index of a published row for each rotation of its options."""
SHORTEST_IMAGE = 65
"""Characters; a shorter text names the row whose image it is."""
EMPTY = ("", "nan")


class Mmbench(Task[MmbenchSettings]):
    """MMBench (Liu et al., arXiv 2307.06281, section 4: CircularEval)."""

    about = About(
        what="multiple choice in twenty abilities, with the options in every rotation",
        paper="MMBench, arXiv 2307.06281",
        data="https://github.com/open-compass/MMBench",
        licence="see the source; images under the terms of theirs",
        files="`path`: a TSV with answers, such as `MMBench_DEV_EN.tsv`; it holds the images",
        figures="`accuracy`: circular, right in all rotations; `vanilla`: in the first one; for all and per ability."
        " Answers are matched exactly, as VLMEvalKit does without a judge",
    )

    def items(self) -> Iterator[Item | InputError]:
        """Every question in every rotation: those of the file, or all where the file has only the first."""
        images: dict[str, Medium] = {}
        published = any(_index(row) >= ROTATED for _, row in csv_rows(self.path))
        for number, row in csv_rows(self.path):
            try:
                yield from self._items(row, images, published)
            except InputError as error:
                yield InputError(f"{self.path.name}, row {number}: {error.problem}")

    def score(self, answered: Answered) -> float:
        """1 where this rotation is right."""
        return float(chosen_letter(answered.text, answered.item.options) == answered.item.reference)

    def scores(self, answers: Sequence[Answered]) -> list[float]:
        """Of each rotation that of its question: 1 where all are right."""
        right: dict[str, bool] = defaultdict(lambda: True)
        for one in answers:
            right[one.item.cluster] &= bool(self.score(one))
        return [float(right[one.item.cluster]) for one in answers]

    def measure(self, answers: Sequence[Answered]) -> Measured:
        """A question counts once, however many rotations it has."""
        circular = {one.item.cluster: score for one, score in zip(answers, self.scores(answers), strict=True)}
        first = [self.score(one) for one in answers if one.item.facts["rotation"] == 0]
        found = {"accuracy": sum(circular.values()) / len(circular)}
        return {**found, "vanilla": sum(first) / len(first)} if first else found

    def count(self, answers: Sequence[Answered]) -> int:
        """A question counts once here too."""
        return len({one.item.cluster for one in answers})

    def _items(self, row: Any, images: dict[str, Medium], published: bool) -> Iterator[Item]:
        question, image, index = texts_of(row, "question", "image", "index")
        answer = str(row.get("answer") or "")
        options = list(takewhile(lambda text: text not in EMPTY, (row.get(letter, "") for letter in LETTERS)))
        if answer not in LETTERS[: len(options)] or not answer:
            raise InputError("has no right answer among its options; the published test split has none at all")
        rotation, cluster = divmod(_index(row), ROTATED)
        if len(image) >= SHORTEST_IMAGE:
            images[index] = image_of_base64(image, f"{cluster}.jpg")
        medium = images.get(image if len(image) < SHORTEST_IMAGE else index)
        if medium is None:
            raise InputError(f"its image is that of row {image}, which does not stand before it")
        if rotation and not self.settings.circular:
            return
        turns = range(len(options)) if self.settings.circular and not published else (0,)
        for turn in turns:
            rotated = options[turn:] + options[:turn]
            place = (LETTERS.index(answer) - turn) % len(options)
            yield self._item(row, question, rotated, place, (cluster, rotation + turn), medium)

    def _item(
        self, row: Mapping[str, str], question: str, options: list[str], right: int, at: tuple[int, int], image: Medium
    ) -> Item:  # fmt: skip
        cluster, rotation = at
        hint = row.get("hint", "")
        text = with_options(question, options, "" if hint in EMPTY else hint)
        groups = {name: row[name] for name in ("category", "l2-category") if row.get(name, "") not in EMPTY}
        return Item(
            id=f"{cluster}/{rotation}",
            messages=user_turn(self.asked(text), (image,)),
            media=(image,),
            references=(LETTERS[right],),
            choices=tuple(LETTERS[: len(options)]),
            options=tuple(options),
            cluster=str(cluster),
            groups=groups,
            facts={"rotation": rotation},
        )


def _index(row: Any) -> int:
    """Of a row; -1 where it has none."""
    index = row.get("index", "") if isinstance(row, dict) else ""
    return int(index) if index.isdecimal() else -1
