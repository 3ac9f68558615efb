"""Every task of macaw: tiny files in the published form, answers to them, and the figures that were worked out by hand.

A new task adds one `Row` to `EVERY_TASK`; `evaluation/tasks/test_every_task.py` runs all through the same checks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caption_tasks import CAPTION_TASKS
from harm_tasks import HARM_TASKS
from image_tasks import IMAGE_TASKS
from recognition_tasks import RECOGNITION_TASKS
from task_files import write_image, write_json, write_lines

from macaw_cli.config.loading import parse_settings


@dataclass(frozen=True)
class Row:
    """One task.

    Args:
        write: makes the published files in an empty folder, media included.
        said: id of each item to the answer that is given.
        figures: what `Task.figures` makes of these answers, by dotted key such as `groups.split.random.accuracy`.
        path: of the files in the folder.
        options: of the task.
        places: further options that are paths in the folder.
    """

    write: Callable[[Path], None]
    said: Mapping[str, str]
    figures: Mapping[str, float]
    path: str = "."
    options: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)

    def section(self, name: str, folder: Path) -> dict[str, Any]:
        """The task on the files in `folder`, as `evaluation.tasks` holds it."""
        places = {key: str(folder / place) for key, place in self.places.items()}
        return {"name": name, "path": str(folder / self.path), **self.options, **places}


def settings_of(name: str, folder: Path, **options: Any) -> Any:
    """The settings of a task on the files that its row has made in `folder`."""
    row = EVERY_TASK[name]
    section = {**row.section(name, folder), **options}
    return parse_settings({"evaluation": {"tasks": [section]}}, "test").evaluation.tasks[0]


def write_pope(folder: Path) -> None:
    for number, colour in enumerate(("red", "blue")):
        write_image(folder / "val2014" / f"COCO_val2014_{number:012d}.jpg", colour)
    for split in ("random", "popular", "adversarial"):
        rows = [
            {"question_id": number, "image": f"COCO_val2014_{number % 2:012d}.jpg",
             "text": f"Is there a {thing} in the image?", "label": label}
            for number, (thing, label) in enumerate([("dog", "yes"), ("dog", "no"), ("cat", "no"), ("cat", "yes")])
        ]  # fmt: skip
        write_lines(folder / f"coco_pope_{split}.json", rows)


def write_vqav2(folder: Path) -> None:
    write_image(folder / "val2014" / "COCO_val2014_000000000042.jpg", "red")
    write_image(folder / "val2014" / "COCO_val2014_000000000073.jpg", "blue")
    what, red = "What is this?", "Is it red?"
    questions = [(what, 42, 420), (what, 73, 730), (red, 42, 421), (red, 73, 731)]
    people = {
        420: ("other", "cat", ["A cat"] * 2 + ["dog"] * 8),
        730: ("other", "two dogs", ["two dogs"] * 9 + ["2 cats"]),
        421: ("yes/no", "yes", ["yes"] * 10),
        731: ("yes/no", "no", ["no"] * 9 + ["yes"]),
    }
    write_json(
        folder / "v2_OpenEnded_mscoco_val2014_questions.json",
        {"questions": [{"question": text, "image_id": image, "question_id": key} for text, image, key in questions]},
    )
    annotations = [
        {"question_id": key, "image_id": key // 10, "question_type": "what", "answer_type": kind,
         "multiple_choice_answer": usual,
         "answers": [{"answer": one, "answer_confidence": "yes", "answer_id": at} for at, one in enumerate(given, 1)]}
        for key, (kind, usual, given) in people.items()
    ]  # fmt: skip
    write_json(folder / "v2_mscoco_val2014_annotations.json", {"annotations": annotations})


_POPE = {0: "Yes, there is a dog.", 1: "No", 2: "Yes", 3: "There is not one."}
EVERY_TASK = {
    **{name: Row(**row) for name, row in (CAPTION_TASKS | RECOGNITION_TASKS | HARM_TASKS | IMAGE_TASKS).items()},
    "pope": Row(
        write=write_pope,
        said={f"{split}/{n}": said for split in ("random", "popular", "adversarial") for n, said in _POPE.items()},
        # of 12: 3 found that are there, 3 that are not, 3 missed, 3 rightly denied
        figures={"n": 12, "accuracy": 0.5, "precision": 0.5, "recall": 0.5, "f1": 0.5, "yes_ratio": 0.5,
                 "groups.split.random.accuracy": 0.5, "groups.split.adversarial.n": 4},
    ),
    "vqav2": Row(
        write=write_vqav2,
        said={"420": "The cat.", "730": "2 dogs", "421": "Yes.", "731": "yes"},
        # 420: of ten subsets, 2 have one match and 8 have two: (2/3 + 16/3) / 10; 421: nothing is normalised where all
        # ten agree; 731: 1 subset has no match, 9 have one
        figures={"n": 4, "accuracy": (0.6 + 1 + 0 + 0.3) / 4, "groups.answer_type.other.accuracy": 0.8,
                 "groups.answer_type.yes/no.accuracy": 0.15},
    ),
}  # fmt: skip
"""Name of the task to its row."""
