"""How a fresh process gets the examples of a proof and gives its answers: two plain files in a temporary folder."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from macaw_cli.basics import child
from macaw_cli.basics.atomic_files import write_json
from macaw_cli.basics.errors import MismatchError
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT, TEXT, Fields, list_of
from macaw_cli.export.proving.answers import Answer
from macaw_cli.export.proving.examples import ProofExample

MESSAGES, MEDIA, ANSWERS = "examples.json", "media.npz", "answers.npz"
_ROWS = list_of(Fields({"messages": list_of(OBJECT), "media": list_of(list_of(TEXT)), "origin": TEXT}))
OFFLINE = {"HF_HUB_OFFLINE": "1"}
"""A folder that needs the hub is not whole."""


def answers_of_child(
    module: str, folder: Path, examples: Sequence[ProofExample], arguments: Sequence[str] = ()
) -> list[Answer]:
    """Let a fresh process load an exported folder and answer the examples.

    Args:
        module: its dotted name; its main part calls `answer_all`.
        folder: the exported folder.
        examples: to be answered.
        arguments: further ones, after the two folders.

    Raises:
        MismatchError: the process fails, with the last that it said.
    """
    with scratch_folder() as scratch:
        save_examples(scratch, examples)
        run_fresh(module, folder, scratch, arguments)
        return read_answers(scratch)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new temporary folder for what is exchanged, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="macaw-export-") as place:
        yield Path(place)


def save_arrays(file: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays."""
    np.savez(file, **arrays)  # type: ignore[arg-type]


def read_arrays(file: Path) -> dict[str, NDArray[Any]]:
    """What `save_arrays` has written."""
    with np.load(file, allow_pickle=False) as content:
        return {name: content[name] for name in content.files}


def run_fresh(module: str, folder: Path, scratch: Path, arguments: Sequence[str] = ()) -> None:
    """Run a module in a fresh process, offline, with an exported folder and a temporary one as its first arguments.

    Raises:
        MismatchError: the process fails, with the last that it said.
    """
    paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = child.run(child.tied(module, str(folder), str(scratch), *arguments), environment=OFFLINE | paths)
    if done.code != 0:
        problem = f"The export does not load in a fresh process: {done.last_line}"
        raise MismatchError(f"{problem.rstrip('.')}.", "Nothing was exported. Please report this.")


def answer_all(scratch: str, answer: Callable[[ProofExample], Answer]) -> None:
    """What the fresh process does: read the examples, answer each, and write the answers down."""
    save_answers(Path(scratch), [answer(example) for example in read_examples(Path(scratch))])


def save_examples(scratch: Path, examples: Sequence[ProofExample]) -> None:
    """Write the examples to `scratch`."""
    arrays: dict[str, Any] = {}
    rows = []
    for number, example in enumerate(examples):
        names = [f"{number}-{place}" for place in range(len(example.media))]
        arrays |= {name: medium for name, (_, medium) in zip(names, example.media, strict=True)}
        media = [[modality, name] for name, modality in zip(names, example.modalities, strict=True)]
        rows.append({"messages": example.messages, "media": media, "origin": example.origin})
    write_json(scratch / MESSAGES, rows)
    save_arrays(scratch / MEDIA, arrays)


def read_examples(scratch: Path) -> list[ProofExample]:
    """The examples in `scratch`."""
    rows, content = read_object(scratch / MESSAGES, _ROWS), read_arrays(scratch / MEDIA)
    return [
        ProofExample(
            tuple(row["messages"]), tuple((modality, content[name]) for modality, name in row["media"]), row["origin"]
        )
        for row in rows
    ]


def save_answers(scratch: Path, answers: Sequence[Answer]) -> None:
    """Write the answers to `scratch`."""
    arrays = {f"{name}-{at}": getattr(one, name) for at, one in enumerate(answers) for name in Answer._fields}
    save_arrays(scratch / ANSWERS, arrays)


def read_answers(scratch: Path) -> list[Answer]:
    """The answers in `scratch`."""
    content = read_arrays(scratch / ANSWERS)
    count = len(content) // len(Answer._fields)
    return [Answer(*(content[f"{name}-{at}"] for name in Answer._fields)) for at in range(count)]
