"""`questions`: questions of a user's own, with one right answer or several."""

from collections.abc import Iterator, Sequence
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.config.tasks.questions import QuestionsSettings
from macaw_cli.evaluation.metrics.referenced import Referenced
from macaw_cli.evaluation.metrics.registry import measure_references
from macaw_cli.evaluation.tasks.captioning import referenced
from macaw_cli.evaluation.tasks.item import Answered, Item, user_turn
from macaw_cli.evaluation.tasks.own_rows import listed, medium_of, numbered_rows
from macaw_cli.evaluation.tasks.row_reading import items_of_rows, texts_of
from macaw_cli.evaluation.tasks.task import About, Measured, Task


class Questions(Task[QuestionsSettings]):
    """Any data; the figures are macaw's text metrics."""

    about = About(
        what="questions of your own about images, audio or videos, with one right answer or several of equal right",
        paper="macaw's own; metrics: [Text metrics](evaluation.md#text-metrics)",
        data="your own, as files: links such as https://example.org/a.png are not followed",
        licence="your own",
        files="`path`: a CSV, JSONL or JSON file with the columns `image`, `audio` or `video`, `question`, and"
        " `answers` (a list, or text with `;` between them) or `answer`; if there is one, `kind`",
        figures="`token_f1`, and the metrics of the option `metrics`: of each answer the best reference counts; BLEU"
        " and CIDEr-D take all of them",
    )
    modalities = ()
    score_name = "token_f1"

    def items(self) -> Iterator[Item | InputError]:
        """Every row."""
        return items_of_rows(self.path, numbered_rows(self.path), self._item)

    def score(self, answered: Answered) -> float:
        """Token F1 of the best reference."""
        return measure_references("token_f1", [Referenced(answered.item.references, answered.text)])

    def measure(self, answers: Sequence[Answered]) -> Measured:
        """Every metric over all answers."""
        compared = referenced(answers)
        return {name: measure_references(name, compared) for name in ("token_f1", *self.settings.metrics)}

    def _item(self, row: Any) -> Item:
        key, question = texts_of(row, "id", "question")
        medium = medium_of(row, self)
        answers = listed(row.get("answers")) or tuple(texts_of(row, "answer"))
        kind = str(row.get("kind") or medium.modality)
        return Item(
            id=key,
            messages=user_turn(self.asked(question), (medium,)),
            media=(medium,),
            references=answers,
            kind=kind,
            groups={"kind": kind},
        )
