"""`esc50`: what is heard in a clip, of fifty classes."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from macaw_cli.basics.csv_rows import csv_rows
from macaw_cli.basics.errors import InputError
from macaw_cli.config.tasks.esc50 import Esc50Settings
from macaw_cli.evaluation.metrics.class_accuracy import balanced_accuracy
from macaw_cli.evaluation.metrics.normalising import answer_words
from macaw_cli.evaluation.tasks.item import Answered, Item, user_turn
from macaw_cli.evaluation.tasks.row_reading import items_of_rows, texts_of
from macaw_cli.evaluation.tasks.task import About, Measured, Task

META = "meta/esc50.csv"


class Esc50(Task[Esc50Settings]):
    """ESC-50 (Piczak 2015, ACM Multimedia)."""

    about = About(
        what="what is heard in a clip of five seconds, of fifty classes from everyday life",
        paper="ESC: Dataset for Environmental Sound Classification, ACM Multimedia 2015",
        data="https://github.com/karolpiczak/ESC-50",
        licence="CC BY-NC 3.0; ESC-10 alone CC BY 3.0",
        files="`path`: the folder of `meta/esc50.csv` and `audio/`, or the CSV file",
        figures="accuracy, and the mean accuracy of the classes (`balanced_accuracy`); for all, and per fold",
    )
    modalities = ("audio",)

    def items(self) -> Iterator[Item | InputError]:
        """Every clip, or those of ESC-10."""
        file = self._file()
        rows = [(number, row) for number, row in csv_rows(file) if isinstance(row, InputError) or self._is_asked(row)]
        names = sorted({row["category"] for _, row in rows if isinstance(row, dict) and row.get("category")})
        classes = tuple(name.replace("_", " ") for name in names)
        return items_of_rows(file, rows, lambda row: self._item(row, classes))

    def score(self, answered: Answered) -> float:
        """1 where the answer is the name of the class."""
        return float(answer_words(answered.text) == answer_words(answered.item.reference))

    def measure(self, answers: Sequence[Answered]) -> Measured:
        """Accuracy over clips and over classes."""
        pairs = [
            (" ".join(answer_words(one.item.reference)), " ".join(answer_words(one.text))) for one in answers
        ]  # fmt: skip
        return {**super().measure(answers), "balanced_accuracy": balanced_accuracy(pairs)}

    def _file(self) -> Path:
        file = self.path / META if self.path.is_dir() else self.path
        if not file.is_file():
            raise InputError(f"There is no file {file}.", "Name the folder of ESC-50, or its CSV file.")
        return file

    def _is_asked(self, row: Any) -> bool:
        return not self.settings.esc10 or str(row.get("esc10", "")).lower() == "true"

    def _item(self, row: Any, classes: tuple[str, ...]) -> Item:
        file, category = texts_of(row, "filename", "category")
        clip = self.medium("audio", f"audio/{file}", file)
        return Item(
            id=file,
            messages=user_turn(self.asked(self.settings.question), (clip,)),
            media=(clip,),
            references=(category.replace("_", " "),),
            choices=classes,
            groups={"fold": str(row["fold"])} if row.get("fold") else {},
        )
