"""What became of every held-out question of a run, as `macaw evaluate` wrote it down."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macaw_cli.basics.typed_files import iterate_objects, read_object
from macaw_cli.basics.typed_rows import COUNT, FLAG, NUMBER, OBJECT, TEXT, TEXTS, Fields, list_of, mapping_of, or_null
from macaw_cli.config.run_files import VALIDATION
from macaw_cli.evaluation.figures.preference import gaps, preferences
from macaw_cli.evaluation.questions.held_out import UNSEEN_TAG
from macaw_cli.modalities.table import MODALITIES

ANSWERS_NAME, FIGURES_NAME = "answers.jsonl", "figures.json"
ANSWERS, FIGURES = f"evaluation/{ANSWERS_NAME}", f"evaluation/{FIGURES_NAME}"
_ROW = Fields(
    {"id": TEXT},
    {"kind": TEXT, "modality": TEXT, "tags": TEXTS, "right": mapping_of(FLAG), "likelihood": mapping_of(NUMBER),
     "answer_tokens": COUNT, "media": TEXTS, "media_keys": TEXTS, "messages": list_of(OBJECT), "turn": COUNT},
)  # fmt: skip
_ASKED = Fields({}, {"dataset": TEXT, "limit": or_null(COUNT)})
_FIGURES = Fields({}, {"asked": _ASKED, "asked_with": OBJECT, "model": TEXT, "data": TEXT})


@dataclass(frozen=True)
class Answer:
    """One question with media.

    Attributes:
        modality: as in the figures, such as `image+audio`.
        kind: what it is counted as.
        accuracy: 1 where the right choice was the likeliest; None without choices.
        reliance: accuracy with the real media minus with another example's.
        preference: 1 where its own media make the reference answer likelier, 0.5 for ties; None where not asked.
        media: content keys of its files; their names where an earlier macaw wrote the row, without files that have
            none. Questions that share one are dependent.
    """

    modality: str
    kind: str
    accuracy: float | None
    reliance: float | None
    preference: float | None
    media: tuple[str, ...] = ()

    @property
    def place(self) -> int:
        """Where its modality stands: image, audio, video, then combinations."""
        return MODALITIES.index(self.modality) if self.modality in MODALITIES else len(MODALITIES)


Answers = dict[str, Answer]
"""Key of a question (its id, and its number where several have the same) to its answer, of one run."""


def read_answers(run: Path) -> Answers | None:
    """The answers of a run to questions with media; None where it was not evaluated, or by an earlier macaw.

    Raises:
        DamagedError: the file is not what macaw writes.
    """
    return answers_in(read_rows(run / ANSWERS))


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of an `answers.jsonl`; absent means none.

    Raises:
        DamagedError: the file is not what macaw writes.
    """
    return list(iterate_objects(path, _ROW))


def answers_in(rows: Sequence[Mapping[str, Any]]) -> Answers | None:
    """The answers of such rows to questions with media; None without rows, or where an earlier macaw wrote them.

    Unseen combinations are left out, as in the figures of `macaw evaluate`.
    """
    found: Answers = {}
    for key, row in keyed(rows).items():
        modality = row.get("modality")
        if modality is None:
            return None
        if modality != "text" and UNSEEN_TAG not in (row.get("tags") or ()):
            found[key] = _answer(row, modality)
    return found if rows else None


def keyed(rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Rows by the key of their question: its id, its turn after the first, its number where several have the same."""
    found: dict[str, Mapping[str, Any]] = {}
    seen: Counter[str] = Counter()
    for row in rows:
        turn = row.get("turn") or 1
        name = row["id"] if turn == 1 else f"{row['id']} turn {turn}"
        seen[name] += 1
        found[name if seen[name] == 1 else f"{name} #{seen[name]}"] = row
    return found


def asked_of(run: Path) -> dict[str, Any] | None:
    """Of which dataset a run was asked, and how many questions; None where it was not evaluated by this macaw.

    Raises:
        DamagedError: the file is not what macaw writes.
    """
    asked: dict[str, Any] | None = read_asked(run / FIGURES).get("asked")
    return asked


def read_asked(path: Path) -> dict[str, Any]:
    """A `figures.json`, with what it says was asked: `asked`, `data`, `asked_with`; absent means nothing.

    Raises:
        DamagedError: the file is not what macaw writes.
    """
    content: dict[str, Any] = read_object(path, _FIGURES) if path.is_file() else {}
    return content


def read_figures(run: Path) -> dict[str, Any] | None:
    """The figures of `macaw evaluate`; None where the run was not evaluated.

    Raises:
        DamagedError: the file is not what macaw writes.
    """
    if not (run / FIGURES).is_file():
        return None
    figures: dict[str, Any] = read_object(run / FIGURES, VALIDATION)
    return figures


def _answer(row: Mapping[str, Any], modality: str) -> Answer:
    right, likelihood = row.get("right") or {}, row.get("likelihood") or {}
    real, swapped = right.get("real"), right.get("swapped")
    preference = None
    if "real" in likelihood and "swapped" in likelihood:
        gap = gaps([(likelihood["real"], likelihood["swapped"], row.get("answer_tokens") or 1)])
        preference = float(preferences(gap)[0])
    return Answer(
        modality=modality,
        kind=row.get("kind") or modality,
        accuracy=None if real is None else float(real),
        reliance=None if real is None or swapped is None else float(real) - float(swapped),
        preference=preference,
        media=tuple(name for name in row.get("media_keys") or row.get("media") or () if name),
    )
