"""`vqav2`: the questions and annotations of VQA, one file each, with ten people's answers to every question."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import json_lists
from macaw_cli.basics.shown_text import shown
from macaw_cli.config.tasks.vqav2 import Vqav2Settings
from macaw_cli.evaluation.tasks.item import Answered, Item, user_turn
from macaw_cli.evaluation.tasks.task import About, Task
from macaw_cli.evaluation.tasks.vqa_normalising import soft_accuracy


class Vqav2(Task[Vqav2Settings]):
    """VQAv2 (Goyal et al., arXiv 1612.00837)."""

    about = About(
        what="open questions about images",
        paper="VQA v2, arXiv 1612.00837",
        data="https://visualqa.org/download.html, images: https://cocodataset.org",
        licence="CC BY 4.0; images of COCO under their own terms",
        files="`path`: `v2_OpenEnded_mscoco_val2014_questions.json`, beside it `v2_mscoco_val2014_annotations.json`, or"
        " the folder of both; `media`: `val2014/`",
        figures="the official soft accuracy, min(1, matches / 3) averaged over the ten subsets of nine people, after"
        " the official normalisation; for all, and per type of answer",
    )

    def items(self) -> Iterator[Item | InputError]:
        """Every question that has an annotation; the others are unusable."""
        questions, annotations = self._files()
        people = {
            str(row["question_id"]): row
            for _, _, row in json_lists(annotations, ("annotations",))
            if isinstance(row, dict) and "question_id" in row
        }
        for _, number, row in json_lists(questions, ("questions",)):
            try:
                yield self._item(row, people)
            except InputError as error:
                yield InputError(f"{questions.name}, question {number}: {error.problem}")

    def score(self, answered: Answered) -> float:
        """The soft accuracy."""
        return soft_accuracy(answered.text, answered.item.facts["people"])

    def _files(self) -> tuple[Path, Path]:
        folder = self.path if self.path.is_dir() else self.path.parent
        questions = self.path if self.path.is_file() else _only(folder, self.settings.split, "questions")
        if self.settings.annotations:
            named = folder / self.settings.annotations
            if not named.is_file():
                raise InputError(f"There is no file {named}.", "`annotations` names a file beside that of questions.")
            return questions, named
        beside = questions.with_name(questions.name.replace("OpenEnded_", "").replace("questions", "annotations"))
        return questions, beside if beside.is_file() else _only(folder, self.settings.split, "annotations")

    def _item(self, row: Any, people: dict[str, Any]) -> Item:
        if isinstance(row, InputError):
            raise row
        text, image = (row.get("question"), row.get("image_id")) if isinstance(row, dict) else (None, None)
        if not isinstance(text, str) or isinstance(image, bool) or not isinstance(image, int | str):
            raise InputError(f"needs `question`, `question_id` and `image_id`, found {shown(row, 60)}")
        given = people.get(str(row.get("question_id")), {})
        texts = [str(one["answer"]) for one in given.get("answers") or () if isinstance(one, dict) and "answer" in one]
        if not texts:
            raise InputError(f"the question {shown(row.get('question_id'), 60)} has no answers among the annotations")
        split, kind = self.settings.split, str(given.get("answer_type", "other"))
        name = f"COCO_{split}_{image:012d}.jpg" if isinstance(image, int) else image
        medium = self.medium("image", name, f"{split}/{name}", *([f"{image:012d}.jpg"] if image != name else []))
        usual = given.get("multiple_choice_answer")
        return Item(
            id=str(row.get("question_id")),
            messages=user_turn(self.asked(text), (medium,)),
            media=(medium,),
            references=(usual if isinstance(usual, str) else max(texts, key=texts.count),),
            choices=("yes", "no") if kind == "yes/no" else (),
            kind=kind,
            groups={"answer_type": kind},
            facts={"people": texts},
        )


def _only(folder: Path, split: str, what: str) -> Path:
    """The one JSON file of a split whose name tells what is in it."""
    found = sorted(one for one in folder.glob("*.json") if what in one.name and split in one.name)
    if len(found) != 1:
        several = f"several files of {what}: {', '.join(one.name for one in found)}" if found else f"no file of {what}"
        raise InputError(
            f"{folder} holds {several} for {split}.", "Name the file of questions, and the other with `annotations`."
        )
    return found[0]
