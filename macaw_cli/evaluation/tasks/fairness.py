"""`fairness`: the same questions about groups of media."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.config.tasks.fairness import FairnessSettings
from macaw_cli.evaluation.metrics.group_differences import Grouped, group_figures
from macaw_cli.evaluation.metrics.normalising import answer_words
from macaw_cli.evaluation.tasks.item import Answered, Item, user_turn
from macaw_cli.evaluation.tasks.own_rows import listed, medium_of, numbered_rows
from macaw_cli.evaluation.tasks.row_reading import items_of_rows, texts_of
from macaw_cli.evaluation.tasks.task import About, Measured, Task


class Fairness(Task[FairnessSettings]):
    """A measurement of macaw's own on any data: accuracy per group, and paired differences between groups."""

    about = About(
        what="the same questions about groups of media of your own, such as faces of different age",
        paper="macaw's own; intervals: Bonett and Price 2012; Davison and Hinkley 1997, section 3.8",
        data="your own, or for example FairFace, https://github.com/joojs/fairface",
        licence="of the data",
        files="`path`: a CSV, JSONL or JSON file with the columns `image`, `audio` or `video`, `question`, `answer`,"
        " `group`, and if there are any `choices` (a list, or text with `;` between them)",
        figures="accuracy, for all and per group; the difference of every two groups over the questions that both were"
        " asked, with a 95 % interval, paired by question; the largest gap between two groups",
    )
    modalities = ()

    def items(self) -> Iterator[Item | InputError]:
        """Every row."""
        return items_of_rows(self.path, numbered_rows(self.path), self._item)

    def score(self, answered: Answered) -> float:
        """1 where the answer is the reference, after lower case and without punctuation and articles."""
        return float(answer_words(answered.text) == answer_words(answered.item.reference))

    def compare(self, conditions: Mapping[str, Sequence[Answered]]) -> Measured:
        """The differences of groups under `real`."""
        answers = conditions["real"]
        found = group_figures([
            Grouped(one.item.groups[self.settings.group], one.item.facts["pair"], score)
            for one, score in zip(answers, self.scores(answers), strict=True)
        ])  # fmt: skip
        differences = (
            {f"{one['a']} - {one['b']}": one["difference"], f"{one['a']} - {one['b']}, low": one["ci95"][0],
             f"{one['a']} - {one['b']}, high": one["ci95"][1]}
            for one in found["differences"]
        )  # fmt: skip
        return {"largest_gap": found["largest_gap"], **dict(chain.from_iterable(one.items() for one in differences))}

    def _item(self, row: Any) -> Item:
        key, question, answer, group = texts_of(row, "id", "question", "answer", self.settings.group)
        medium = medium_of(row, self)
        choices = listed(row.get("choices"))
        if choices and answer not in choices:
            raise InputError("the answer is none of the `choices`")
        return Item(
            id=key,
            messages=user_turn(self.asked(question), (medium,)),
            media=(medium,),
            references=(answer,),
            choices=choices,
            kind=medium.modality,
            groups={self.settings.group: group},
            facts={"pair": texts_of(row, self.settings.pair)[0] if self.settings.pair else question},
        )
