"""`coco-vqa:` the two files of VQA: questions, and annotations with the answers of ten people to each.

Either file may be named; the other one is found beside it by its name, or by an option.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import Row, json_lists
from macaw_cli.basics.scratch_database import scratch_database
from macaw_cli.basics.shown_text import shown
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.coco_names import coco_name
from macaw_cli.dataset.formats.entry import Format, Options, each

FILES = ("questions", "annotations")
KINDS = {"yes/no": "yes-no", "number": "counting", "other": "question-answer"}
YES_NO = ["yes", "no"]
_SPLIT = re.compile(r"(?:train|val|test|test-dev)20\d\d")
_TABLE = "CREATE TABLE answers (question TEXT PRIMARY KEY, answer TEXT, type TEXT) WITHOUT ROWID"


def files_of_vqa(path: Path, options: Options) -> Sequence[Path]:
    """The questions and the annotations.

    Raises:
        InputError: the partner of the file cannot be found.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.", "The path of a source is relative to macaw.yaml.")
    mine = next((name for name in FILES if name in path.name.lower()), FILES[0])
    (other,) = set(FILES) - {mine}
    if other in options:
        partner = path.parent / options[other]
        if not partner.is_file():
            raise InputError(f"There is no file {partner}.", f"`{other}` is relative to the folder of {path.name}.")
    else:
        partner = _partner(path, other)
    return (path, partner) if mine == FILES[0] else (partner, path)


def _partner(path: Path, other: str) -> Path:
    """The file of the other kind and the same split, such as `val2014`; of several the one of the same version."""
    split = _SPLIT.search(path.name)
    found = sorted(
        one for one in path.parent.glob("*.json")
        if other in one.name.lower() and (not split or split[0] in one.name)
    )  # fmt: skip
    if len(found) > 1:
        same = [one for one in found if one.name.partition("_")[0] == path.name.partition("_")[0]]
        found = same or found
    if len(found) != 1:
        several = f"could be {' or '.join(one.name for one in found)}" if found else "is not there"
        raise InputError(
            f"The file of {other} that belongs to {path} {several}.",
            f"Name it: coco-vqa:{path.name}?{other}=FILE.",
        )
    return found[0]


def read_vqa(path: Path, options: Options) -> Iterator[Row]:
    """Every question in the order of its file, with the answer that most of the ten people gave.

    Raises:
        InputError: a file is missing or not JSON.
    """
    questions, annotations = files_of_vqa(path, options)
    return _rows(questions, annotations)


def _rows(questions: Path, annotations: Path) -> Iterator[Row]:
    split = _SPLIT.search(questions.name)
    with closing(scratch_database(_TABLE)) as database:
        for _, number, annotation in json_lists(annotations, ("annotations",)):
            try:
                if isinstance(annotation, InputError):
                    raise annotation
                database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", _answer(annotation))
            except (InputError, UnicodeEncodeError) as error:
                yield number, InputError(f"in {annotations.name}: {getattr(error, 'problem', error)}")

        def converted(row: dict[str, Any]) -> dict[str, Any]:
            key = str(row.get("question_id"))
            found = database.execute("SELECT answer, type FROM answers WHERE question = ?", (key,)).fetchone()
            return _conversation(row, found, split[0] if split else "")

        yield from each(((number, row) for _, number, row in json_lists(questions, ("questions",))), converted)


def _answer(annotation: Any) -> tuple[str, str, str]:
    """Question id, most frequent answer (of several the one that was given first), and its type."""
    answers = annotation.get("answers") if isinstance(annotation, dict) else None
    texts = [one.get("answer") for one in answers if isinstance(one, dict)] if isinstance(answers, list) else []
    given = [text for text in texts if isinstance(text, str) and text.strip()]
    if not given and isinstance(annotation, dict) and isinstance(annotation.get("multiple_choice_answer"), str):
        given = [annotation["multiple_choice_answer"]]
    if not given or not isinstance(annotation, dict) or "question_id" not in annotation:
        raise InputError(f"an annotation needs `question_id` and `answers`, found {shown(annotation, 60)}")
    return str(annotation["question_id"]), Counter(given).most_common(1)[0][0], str(annotation.get("answer_type", ""))


def _conversation(row: dict[str, Any], found: tuple[str, str] | None, split: str) -> dict[str, Any]:
    question, image = row.get("question"), row.get("image_id")
    if not isinstance(question, str) or isinstance(image, bool) or not isinstance(image, int | str):
        raise InputError(f"needs `question`, `question_id` and `image_id`, found {sorted(row)}")
    if found is None:
        raise InputError(f"the question {shown(row.get('question_id'), 60)} has no answer among the annotations")
    answer, kind = found
    name = coco_name(image)
    return {
        "id": str(row.get("question_id")),
        "image": [f"COCO_{split}_{name}" if split and name != str(image) else name],
        "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
        **({"kind": KINDS[kind]} if kind in KINDS else {}),
        **({"choices": YES_NO} if kind == "yes/no" and answer in YES_NO else {}),
    }


def _looks_like(file: Beginning) -> bool:
    return file.suffix == ".json" and bool(_SPLIT.search(file.path.name)) and any(
        file.path.name.lower().endswith(f"{name}.json") for name in FILES
    ) and "instances" not in file.path.name  # fmt: skip


COCO_VQA = Format(
    name="coco-vqa",
    summary="VQA's questions and annotations: one conversation per question, the most frequent of its ten answers",
    read=read_vqa,
    options={"annotations": "the file of answers, where its name does not tell", "questions": "the file of questions"},
    looks_like=_looks_like,
    files=files_of_vqa,
)
