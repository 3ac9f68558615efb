"""What the files of a run hold: checked wherever they are read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.typed_files import iterate_objects
from macaw_cli.basics.typed_rows import (
    COUNT,
    FLAG,
    MEASURED,
    NUMBER,
    OBJECT,
    TEXT,
    TEXTS,
    Fields,
    Kind,
    either,
    list_of,
    mapping_of,
    or_null,
)
from macaw_cli.basics.yaml_text import read_yaml

METRICS_NAME, SETTINGS_NAME = "metrics.jsonl", "settings.yaml"
_NUMBERS = list_of(NUMBER)
_INTERVAL = Kind("two numbers", list, lambda value: _NUMBERS.holds(value) and len(value) == 2)
_SHARES = ("real", "none", "told", "swapped", "chance", "reliance", "preference", "retention", "gap")
FIGURES = Fields(
    {},
    {"n": COUNT, "modality": TEXT, "ci95": _INTERVAL, "preference_ci95": _INTERVAL, **dict.fromkeys(_SHARES, NUMBER)},
)
"""What was measured of one modality or kind of question."""
_MEASURED = {"modalities": mapping_of(FIGURES), "kinds": mapping_of(FIGURES)}
VALIDATION = Fields({}, {"loss": MEASURED, "reliance": Fields({}, _MEASURED), **_MEASURED})
VERDICT = mapping_of(Fields({"text": TEXT}, {"category": TEXT, "remedies": TEXTS}))
_ROW = Fields(
    {"step": COUNT},
    {"loss": MEASURED, "learning_rate": MEASURED, "gradient_norm": MEASURED, "examples": COUNT, "tokens": COUNT,
     "swapped": COUNT,
     "padding": Kind("a share", None, lambda value: NUMBER.holds(value) and 0 <= value < 1), "memory": NUMBER,
     "skipped": either(COUNT, FLAG), "stage": TEXT, "seconds": mapping_of(NUMBER),
     "learning_rates": mapping_of(MEASURED), "gradient_norms": mapping_of(MEASURED),
     "loss_weights": mapping_of(MEASURED), "losses": mapping_of(MEASURED), "validation": VALIDATION},
)  # fmt: skip
VERSIONS = Fields(
    {}, {"macaw": TEXT, "python": TEXT, "packages": OBJECT, "command": TEXTS, "identity": mapping_of(or_null(TEXT))}
)
SUMMARY = Fields(
    {},
    {"run": TEXT, "steps": COUNT, "loss": MEASURED, "validation": VALIDATION, "seconds": NUMBER, "skipped": COUNT,
     "skipped_steps": COUNT, "swapped": COUNT, "verdict": VERDICT},
)  # fmt: skip
FINISHED = Fields({"run": TEXT, "steps": COUNT, "seconds": NUMBER, "skipped": COUNT})
"""What a summary must hold to be told again."""
_BEST = Fields({}, {"loss": MEASURED, "step": COUNT, "since": COUNT})
PROGRESS = Fields(
    {"progress": Fields({}, {"step": COUNT, "plan": TEXT, "world_size": COUNT, "meter": OBJECT, "skipped": COUNT,
                             "loss_weights": OBJECT,
                             "best": _BEST}),
     "files": mapping_of(COUNT)},
)  # fmt: skip
TOKENS = Fields({"conversations": COUNT, "tokens": COUNT, "skipped": COUNT})
_STAGE = Fields({"name": TEXT}, {"datasets": or_null(list_of(TEXT))})
_SETTINGS = Fields(
    {},
    {"bridge": either(TEXT, OBJECT), "llm": TEXT, "dataset": Fields({}, {"out": TEXT}),
     "training": Fields({}, {"datasets": list_of(either(TEXT, OBJECT)),
                             "planned_soft_tokens": mapping_of(COUNT), "stages": list_of(_STAGE),
                             "train": either(TEXT, TEXTS), "adapter": Fields({}, {"kind": TEXT})})},
)  # fmt: skip


def metrics_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a run's `metrics.jsonl`; absent means none.

    Raises:
        DamagedError: with the line that is not what macaw writes there.
    """
    return iterate_objects(path, _ROW)


def read_settings_tree(path: Path) -> dict[str, Any]:
    """The tree of a run's `settings.yaml`, with what is read without parsing it as settings.

    Raises:
        DamagedError: it is not what macaw writes there.
        OSError: it is not there.
    """
    tree: dict[str, Any] = _SETTINGS.checked(read_yaml(path, DamagedError, "Restore it from a copy."), str(path))
    return tree
