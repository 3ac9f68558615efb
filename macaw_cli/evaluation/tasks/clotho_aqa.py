"""`clotho-aqa`: questions about audio clips, with the answers of three people to each."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from macaw_cli.basics.csv_rows import csv_rows
from macaw_cli.basics.errors import InputError
from macaw_cli.config.tasks.clotho_aqa import ClothoAqaSettings
from macaw_cli.evaluation.metrics.normalising import answer_words
from macaw_cli.evaluation.tasks.item import Answered, Item, user_turn
from macaw_cli.evaluation.tasks.row_reading import items_of_rows, texts_of
from macaw_cli.evaluation.tasks.task import About, Task

YES_NO = ("yes", "no")


class ClothoAqa(Task[ClothoAqaSettings]):
    """Clotho-AQA (Lipping et al., arXiv 2204.09634)."""

    about = About(
        what="questions about audio clips, answered by yes, no or one word; three people answered each",
        paper="Clotho-AQA, arXiv 2204.09634",
        data="https://zenodo.org/records/6473207",
        licence="as its `LICENSE.txt` says; clips under their own Creative Commons licences",
        files="`path`: `clotho_aqa_test.csv`; `media`: `audio_files/`, or the folder above",
        figures="accuracy of the answer that most people gave (of equally frequent ones the first), after lower case"
        " and without punctuation and articles; for all, for yes-no and one-word questions, and for those on which"
        " all people agree",
    )
    modalities = ("audio",)

    def items(self) -> Iterator[Item | InputError]:
        """Every question about a clip, once for all people."""
        people: dict[tuple[str, str], list[str]] = defaultdict(list)
        broken: list[tuple[int, Any]] = []
        for number, row in csv_rows(self.path):
            try:
                if isinstance(row, InputError):
                    raise row
                file, question, answer = texts_of(row, "file_name", "QuestionText", "answer")
            except InputError as error:
                broken.append((number, error))
                continue
            people[file, question].append(answer.lower())
        asked = [(number, (*key, answers)) for number, (key, answers) in enumerate(people.items(), start=1)]
        return items_of_rows(self.path, [*broken, *asked], lambda row: self._item(*row))

    def score(self, answered: Answered) -> float:
        """1 where the answer is that of most people."""
        return float(answer_words(answered.text) == answer_words(answered.item.reference))

    def _item(self, file: str, question: str, answers: list[str]) -> Item:
        clip = self.medium("audio", file, f"audio_files/{file}")
        usual = Counter(answers).most_common(1)[0][0]
        kind = "yes-no" if usual in YES_NO else "one word"
        return Item(
            id=f"{file}: {question}",
            messages=user_turn(self.asked(question), (clip,)),
            media=(clip,),
            references=(usual,),
            choices=YES_NO if usual in YES_NO else (),
            kind=kind,
            groups={"answers": kind, "people": "agree" if len(set(answers)) == 1 else "differ"},
        )
