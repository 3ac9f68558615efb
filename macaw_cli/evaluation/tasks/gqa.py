"""`gqa`: compositional questions about images; one JSON file of questions, images by their ids."""

from collections.abc import Iterator, Sequence
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import json_members
from macaw_cli.config.tasks.gqa import GqaSettings
from macaw_cli.evaluation.tasks.cells import fields_of
from macaw_cli.evaluation.tasks.item import Answered, Item, user_turn
from macaw_cli.evaluation.tasks.row_reading import texts_of
from macaw_cli.evaluation.tasks.task import About, Measured, Task

OPEN = "query"
"""The structural type of questions that are not answered by yes or no, or by one of two things in the question."""


class Gqa(Task[GqaSettings]):
    """GQA (Hudson and Manning, arXiv 1902.09506)."""

    about = About(
        what="compositional questions about objects, attributes and relations in images",
        paper="GQA, arXiv 1902.09506",
        data="https://cs.stanford.edu/people/dorarad/gqa/download.html",
        licence="see the source; images of Visual Genome",
        files="`path`: `testdev_balanced_questions.json`, or its folder; `media`: `images/`, or the folder above it",
        figures="accuracy by exact match in small letters, without a full stop at the end; for all, for `binary` and"
        " `open` questions, and per structural and semantic type. Consistency, validity, plausibility and distribution"
        " are not computed",
    )

    def items(self) -> Iterator[Item | InputError]:
        """Every question of the file."""
        file = self.published(f"{self.settings.split}_questions.json")
        for key, row in json_members(file):
            try:
                yield self._item(key, row)
            except InputError as error:
                yield InputError(f"{file.name}, question {key}: {error.problem}")

    def score(self, answered: Answered) -> float:
        """1 where the answer is the right one."""
        return float(answered.text.strip().rstrip(".").lower() == answered.item.reference)

    def measure(self, answers: Sequence[Answered]) -> Measured:
        """Accuracy of all, and of those that are answered by one of two things and those that are not."""
        found = super().measure(answers)
        for name, wanted in (("binary", False), ("open", True)):
            some = [one for one in answers if (one.item.facts["structural"] == OPEN) is wanted]
            if some:
                found[name] = sum(self.scores(some)) / len(some)
        return found

    def _item(self, key: str, row: Any) -> Item:
        question, answer, image = texts_of(row, "question", "answer", "imageId")
        types = fields_of(row, "types")["types"]
        structural, semantic = texts_of(types, "structural", "semantic")
        medium = self.medium("image", f"{image}.jpg", f"images/{image}.jpg")
        return Item(
            id=key,
            messages=user_turn(self.asked(question), (medium,)),
            media=(medium,),
            references=(answer.lower(),),
            choices=("yes", "no") if answer in ("yes", "no") else (),
            kind=structural,
            groups={"structural": structural, "semantic": semantic},
            facts={"structural": structural},
        )
