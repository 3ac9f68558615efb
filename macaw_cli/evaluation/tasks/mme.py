"""`mme`: a folder for each category, with images and a text file of two questions beside each."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import text_lines
from macaw_cli.config.tasks.mme import MmeSettings
from macaw_cli.evaluation.tasks.item import Answered, Item, user_turn
from macaw_cli.evaluation.tasks.task import About, Measured, Task

PERCEPTION = (
    "existence", "count", "position", "color", "posters", "celebrity", "scene", "landmark", "artwork", "OCR",
)  # fmt: skip
COGNITION = ("commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning")
QUESTIONS = "questions_answers_YN"
_SUFFIXES = (".jpg", ".png", ".jpeg")


class Mme(Task[MmeSettings]):
    """MME (Fu et al., arXiv 2306.13394, section 2.3)."""

    about = About(
        what="two yes-or-no questions about each image, one with each answer, in ten categories of perception and four"
        " of cognition",
        paper="MME, arXiv 2306.13394",
        data="https://github.com/BradyFU/Awesome-Multimodal-Large-Language-Models/tree/Evaluation",
        licence="for academic research only, not to be passed on; on request from the authors",
        files="`path`: `MME_Benchmark_release_version/`, a folder of categories",
        figures="per category accuracy, accuracy+ (both questions about an image right) and their sum in percent; the"
        " sums over the categories of perception and of cognition",
    )

    def items(self) -> Iterator[Item | InputError]:
        """Both questions about every image of the categories that are there."""
        there = [name for name in (*PERCEPTION, *COGNITION) if (self.path / name).is_dir()]
        if not there:
            raise InputError(f"{self.path} holds no folder such as {PERCEPTION[0]}.", "Name the folder of categories.")
        for category in there:
            folder = self.path / category
            texts = folder / QUESTIONS if (folder / QUESTIONS).is_dir() else folder
            for file in sorted(texts.glob("*.txt")):
                yield from self._items(category, file)

    def score(self, answered: Answered) -> float:
        """1 where the answer is the right one."""
        return float(_said(answered.text) == answered.item.reference.lower())

    def measure(self, answers: Sequence[Answered]) -> Measured:
        """The figures of MME's own script; `score` is the sum of accuracy and accuracy+ in percent."""
        categories: dict[str, list[Answered]] = defaultdict(list)
        for one in answers:
            categories[one.item.kind].append(one)
        plus = {name: self._plus(some) for name, some in categories.items()}
        scores = {
            name: 100 * (sum(self.scores(some)) / len(some) + sum(plus[name]) / len(plus[name]))
            for name, some in categories.items()
        }
        pairs = [pair for some in plus.values() for pair in some]
        return {
            "accuracy": sum(self.scores(answers)) / len(answers),
            "accuracy_plus": sum(pairs) / len(pairs),
            "score": sum(scores.values()),
            "perception": sum(score for name, score in scores.items() if name in PERCEPTION),
            "cognition": sum(score for name, score in scores.items() if name in COGNITION),
        }

    def _plus(self, answers: Sequence[Answered]) -> list[bool]:
        """Whether both questions about an image are answered right, for each image."""
        images: dict[str, list[float]] = defaultdict(list)
        for one, score in zip(answers, self.scores(answers), strict=True):
            images[one.item.cluster].append(score)
        return [all(scores) for scores in images.values()]

    def _items(self, category: str, file: Path) -> Iterator[Item | InputError]:
        try:
            folders = (f"{category}/images", category)
            image = self.medium("image", *(f"{at}/{file.stem}{end}" for at in folders for end in _SUFFIXES))
            rows = [line.strip().split("\t") for _, line in text_lines(file)]
            if len(rows) != 2 or any(len(row) != 2 or row[1] not in ("Yes", "No") for row in rows):
                raise InputError("needs two lines, each a question, a tab, and Yes or No")
        except InputError as error:
            yield InputError(f"{category}/{file.name}: {error.problem}")
            return
        for number, (question, answer) in enumerate(rows):
            yield Item(
                id=f"{category}/{file.stem}/{number}",
                messages=user_turn(self.asked(question), (image,)),
                media=(image,),
                references=(answer,),
                choices=("Yes", "No"),
                kind=category,
                cluster=f"{category}/{file.stem}",
                groups={"category": category},
            )


def _said(answer: str) -> str:
    """Yes or no, as MME's own script reads it: one of them among the first four characters; else `other`."""
    beginning = answer.lower()[:4]
    return next((word for word in ("yes", "no") if word in beginning), "other")
