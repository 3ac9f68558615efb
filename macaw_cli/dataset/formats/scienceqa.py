"""`scienceqa:` the published `problems.json`: an object of questions with choices, some with an image.

The prompt is that of the benchmark: question, context (the hint, or N/A), options, and the answer as a letter.
"""

import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.json_rows import Row, json_members
from macaw_cli.basics.shown_text import shown
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.entry import Format, Options
from macaw_cli.shards.training_rows import Split

SIDES: dict[str, Split] = {"train": "train", "val": "val", "test": "val"}
DEFAULT = "train,val"


def read_scienceqa(path: Path, options: Options) -> Iterator[Row]:
    """Each question of the wanted splits as a conversation; rows are numbered as in the file.

    Raises:
        UsageError: `split` names another one.
        InputError: the file is not JSON.
    """
    wanted = options.get("split", DEFAULT).split(",")
    if unknown := [name for name in wanted if name not in SIDES]:
        known = ", ".join(SIDES)
        raise UsageError(f"scienceqa: `split` is one or more of {known}, found {shown(unknown[0])}.", "Correct it.")
    return _rows(path, wanted)


def _rows(path: Path, wanted: list[str]) -> Iterator[Row]:
    for number, (key, problem) in enumerate(json_members(path), start=1):
        try:
            if isinstance(problem, InputError):
                raise problem
            row = from_scienceqa(key, problem)
        except InputError as error:
            yield number, error
            continue
        if problem["split"] in wanted:
            yield number, row


def from_scienceqa(key: str, problem: Any) -> dict[str, Any]:
    """One question as a canonical row; its image is `SPLIT/ID/image.png`, as the published archives unpack.

    Raises:
        InputError: a key is missing or has another form.
    """
    if not isinstance(problem, dict):
        raise InputError(f"a question is a JSON object, found {type(problem).__name__}")
    question, choices, answer = (problem.get(name) for name in ("question", "choices", "answer"))
    hint, split, image = problem.get("hint") or "", problem.get("split"), problem.get("image")
    if not isinstance(question, str) or not isinstance(hint, str) or split not in SIDES:
        raise InputError(f"needs `question`, `hint` and `split` ({', '.join(SIDES)}), found {sorted(problem)}")
    if not isinstance(choices, list) or not all(isinstance(one, str) for one in choices):
        raise InputError(f"needs a list of texts under `choices`, found {shown(choices, 60)}")
    if isinstance(answer, bool) or not isinstance(answer, int) or not 0 <= answer < len(choices):
        raise InputError(f"needs the place of the answer among its {len(choices)} `choices`, found {shown(answer, 60)}")
    letters = string.ascii_uppercase[: len(choices)]
    options = " ".join(f"({letter}) {text}" for letter, text in zip(letters, choices, strict=True))
    prompt = f"Question: {question}\nContext: {hint.strip() or 'N/A'}\nOptions: {options}\nAnswer:"
    return {
        "id": key,
        **({"image": [f"{split}/{key}/{image}"]} if isinstance(image, str) and image else {}),
        "messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": letters[answer]}],
        "kind": "multiple-choice",
        "choices": list(letters),
        "split": SIDES[str(split)],
    }


def _looks_like(file: Beginning) -> bool:
    return file.path.name == "problems.json"


SCIENCEQA = Format(
    name="scienceqa",
    summary="ScienceQA's `problems.json`: questions with lettered choices, on the sides that the file says",
    read=read_scienceqa,
    options={"split": f"which questions: `train`, `val`, `test`, or several with commas (default `{DEFAULT}`);"
                      " those of `val` and `test` are held out"},
    looks_like=_looks_like,
)  # fmt: skip
