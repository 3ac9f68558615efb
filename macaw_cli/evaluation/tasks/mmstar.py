"""`mmstar`: a Parquet file of multiple choice that cannot be answered without the image."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.parquet_rows import parquet_rows
from macaw_cli.config.tasks.mmstar import MmstarSettings
from macaw_cli.evaluation.tasks.cells import fields_of, image_of
from macaw_cli.evaluation.tasks.item import Answered, Item, user_turn
from macaw_cli.evaluation.tasks.lettered import LETTERS
from macaw_cli.evaluation.tasks.row_reading import items_of_rows, texts_of
from macaw_cli.evaluation.tasks.task import About, Measured, Task

_OPTION = re.compile(r"(?:^|[\s,])([A-H]): ")
_BEFORE_LETTER = ("", "(", "option ", "the answer is ")


class Mmstar(Task[MmstarSettings]):
    """MMStar (Chen et al., arXiv 2403.20330, section 4)."""

    about = About(
        what="multiple choice that people checked to need the image, in six abilities",
        paper="MMStar, arXiv 2403.20330",
        data="https://huggingface.co/datasets/Lin-Chen/MMStar",
        licence="see the source; the questions come from other benchmarks, which have their own",
        files="`path`: `mmstar.parquet`, or its folder; the file holds the images; needs"
        " `pip install \'macaw-cli[hf]\'`",
        figures="accuracy, for all and per ability; multimodal gain (accuracy with images minus without) and, where"
        " `llm_accuracy` is given, leakage (accuracy without images minus that, not below 0)",
    )

    def items(self) -> Iterator[Item | InputError]:
        """Every question of the file."""
        file = self.published("mmstar.parquet")
        yield from items_of_rows(file, parquet_rows(file), self._item)

    def score(self, answered: Answered) -> float:
        """1 where the answer begins with the right letter, as MMStar's own script reads it."""
        said, wanted = answered.text.lower().strip().replace("\n", " "), answered.item.reference.lower()
        return float(any(said.startswith(before + wanted) for before in _BEFORE_LETTER))

    def compare(self, conditions: Mapping[str, Sequence[Answered]]) -> Measured:
        """Multimodal gain and leakage (equations 1 and 2)."""
        if not conditions.get("none"):
            return {}
        seen, blind = (self.measure(conditions[name])[self.score_name] for name in ("real", "none"))
        found = {"multimodal_gain": seen - blind}
        known = self.settings.llm_accuracy
        return found if known is None else {**found, "multimodal_leakage": max(0.0, blind - known)}

    def _item(self, row: Any) -> Item:
        question, answer, category = texts_of(row, "question", "answer", "category")
        index = str(fields_of(row, "index", "image")["index"])
        image = image_of(row["image"], index)
        options = _options(question)
        if answer not in LETTERS[: len(options)] or not answer:
            raise InputError(f"its answer {answer} is none of its {len(options)} options")
        l2 = row.get("l2_category")
        return Item(
            id=index,
            messages=user_turn(self.asked(question), (image,)),
            media=(image,),
            references=(answer,),
            choices=tuple(LETTERS[: len(options)]),
            options=tuple(options),
            kind=category,
            groups={"category": category, **({"l2_category": l2} if isinstance(l2, str) else {})},
        )


def _options(question: str) -> list[str]:
    """The options that stand in a question, as `Options: A: cat, B: dog`."""
    parts = _OPTION.split(question.rpartition("Options:")[2])
    texts = dict(zip(parts[1::2], (part.strip().rstrip(",").strip() for part in parts[2::2]), strict=True))
    return [texts[letter] for letter in LETTERS[: len(texts)] if letter in texts]
