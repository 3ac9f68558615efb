"""`naturalbench`: Parquet files with two images and two questions a row, which have another answer for each image."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.parquet_rows import parquet_rows
from macaw_cli.config.tasks.naturalbench import NaturalbenchSettings
from macaw_cli.evaluation.tasks.cells import fields_of, image_of
from macaw_cli.evaluation.tasks.item import Answered, Item, user_turn
from macaw_cli.evaluation.tasks.row_reading import texts_of
from macaw_cli.evaluation.tasks.task import About, Measured, Task
from macaw_cli.evaluation.tasks.yes_no import first_said

KINDS = {
    "yes_no": (("Yes", "No"), "Please answer Yes or No."),
    "multiple_choice": (("A", "B"), "Please output the letter corresponding to the correct option."),
}
"""Type of question to its choices, and what is put behind the question, with no space, as in the published code."""


class Naturalbench(Task[NaturalbenchSettings]):
    """NaturalBench (Li et al., arXiv 2410.14669, section 3)."""

    about = About(
        what="two questions about two photographs; the right answer to each is another one for the other photograph, so"
        " that no blind answer is right about both",
        paper="NaturalBench, arXiv 2410.14669",
        data="https://huggingface.co/datasets/BaiqiL/NaturalBench",
        licence="see the source; photographs of Flickr30K and DOCCI under their own terms",
        files="`path`: a Parquet file, or the folder of them; they hold the images; needs"
        " `pip install \'macaw-cli[hf]\'`",
        figures="`accuracy` of single answers, `q_acc` (a question right about both images), `i_acc` (both questions"
        " right about an image), `g_acc` (all four right)",
    )

    def items(self) -> Iterator[Item | InputError]:
        """Four questions of every row."""
        files = sorted(self.path.glob("*.parquet")) if self.path.is_dir() else [self.path]
        if not files:
            raise InputError(f"{self.path} holds no Parquet file.", "Name the file, or the folder of the files.")
        for file in files:
            for number, row in parquet_rows(file):
                try:
                    yield from self._items(row)
                except InputError as error:
                    yield InputError(f"{file.name}, row {number}: {error.problem}")

    def score(self, answered: Answered) -> float:
        """1 where the right one of the two choices comes first in the answer."""
        item = answered.item
        return float(first_said(answered.text, *item.choices) == item.reference)

    def measure(self, answers: Sequence[Answered]) -> Measured:
        """The figures of the official script."""
        right: dict[str, dict[tuple[int, int], float]] = defaultdict(dict)
        for one, score in zip(answers, self.scores(answers), strict=True):
            right[one.item.cluster][one.item.facts["place"]] = score
        quarters = [list(group.values()) for group in right.values()]
        questions = [_both(group, 0, at) for group in right.values() for at in (0, 1)]
        images = [_both(group, 1, at) for group in right.values() for at in (0, 1)]
        return super().measure(answers) | {
            "q_acc": sum(questions) / len(questions),
            "i_acc": sum(images) / len(images),
            "g_acc": sum(map(all, quarters)) / len(quarters),
        }

    def _items(self, row: Any) -> list[Item]:
        questions = texts_of(row, "Question_0", "Question_1")
        answers = texts_of(row, *(f"Image_{image}_Question_{question}" for question in (0, 1) for image in (0, 1)))
        kind = texts_of(row, "Question_Type")[0]
        index = str(fields_of(row, "Index", "Image_0", "Image_1")["Index"])
        choices, suffix = KINDS.get(kind, ((), ""))
        if not choices or any(answer not in choices for answer in answers):
            raise InputError(f"the answers {', '.join(answers)} are none of the type {kind}")
        images = [image_of(row[f"Image_{at}"], f"{index}_{at}") for at in (0, 1)]
        return [
            Item(
                id=f"{index}/q{question}_i{image}",
                messages=user_turn(self.asked(questions[question] + suffix), (images[image],)),
                media=(images[image],),
                references=(answers[2 * question + image],),
                choices=choices,
                kind=kind,
                cluster=index,
                groups={"type": kind},
                facts={"place": (question, image)},
            )
            for question in (0, 1) for image in (0, 1)
        ]  # fmt: skip


def _both(group: dict[tuple[int, int], float], axis: int, at: int) -> bool:
    """Whether the answers to question `at` (axis 0), or about image `at` (axis 1), are right."""
    return all(score for place, score in group.items() if place[axis] == at)
