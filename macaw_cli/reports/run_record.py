"""What a run wrote down, read as it is: finished or not, by this macaw or an older one that wrote fewer keys."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from macaw_cli.basics.fingerprints import require_version
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import MEASURED, OBJECT, Kind
from macaw_cli.config.run_files import METRICS_NAME, SETTINGS_NAME, SUMMARY, VERSIONS, metrics_rows, read_settings_tree
from macaw_cli.config.settings import Settings

RUN_VERSION = 1
"""Format version of versions.json and summary.json."""
Curve = list[tuple[int, float]]
"""Step and value, in order."""


@dataclass(frozen=True)
class RunRecord:
    """One run's files, parsed.

    Attributes:
        folder: the run.
        rows: of metrics.jsonl, in order.
        settings: the tree of settings.yaml.
        versions: versions.json; empty where the run ended before it was written.
        summary: summary.json; empty for a run that is not finished.
    """

    folder: Path
    rows: list[dict[str, Any]]
    settings: dict[str, Any]
    versions: dict[str, Any]
    summary: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the run: that of its folder."""
        return self.folder.absolute().name

    @property
    def is_finished(self) -> bool:
        """True after the model was saved."""
        return bool(self.summary)

    @cached_property
    def steps(self) -> int:
        """Steps that were logged."""
        return max((int(row["step"]) for row in self.rows if "step" in row), default=0)

    @cached_property
    def training_rows(self) -> list[dict[str, Any]]:
        """The rows about training steps."""
        return [row for row in self.rows if "loss" in row and "step" in row]

    @cached_property
    def validations(self) -> list[tuple[int, dict[str, Any]]]:
        """Step and figures of every validation."""
        return [(int(row["step"]), row["validation"]) for row in self.rows if row.get("validation") and "step" in row]

    def curve(self, *path: str) -> Curve:
        """One figure of the training rows over the steps; non-finite values are left out.

        Args:
            path: key of the row, and keys below it.
        """
        return list(_points(((int(row["step"]), row) for row in self.training_rows), path))

    def validation_curve(self, *path: str) -> Curve:
        """One figure of the validations over the steps; see `curve`."""
        return list(_points(self.validations, path))

    def names(self, key: str) -> list[str]:
        """Names below a key of the training rows, such as the groups under `learning_rates`, in order of appearance."""
        found = [row[key] for row in self.training_rows if isinstance(row.get(key), dict)]
        return list(dict.fromkeys(name for names in found for name in names))

    @cached_property
    def changed_settings(self) -> dict[str, Any]:
        """Dotted key to value of every setting that differs from its default."""
        defaults = default_settings()
        leaves = setting_leaves(self.settings)
        return {key: value for key, value in leaves if key not in defaults or defaults[key] != value}


def read_run(folder: Path) -> RunRecord:
    """Read the files of a run.

    Raises:
        MismatchError: a newer macaw wrote it.
        DamagedError: one of its files is not what macaw writes.
    """
    return RunRecord(
        folder=folder,
        rows=list(metrics_rows(folder / METRICS_NAME)),
        settings=read_settings_tree(folder / SETTINGS_NAME),
        versions=_optional(folder / "versions.json", VERSIONS),
        summary=_optional(folder / "summary.json", SUMMARY),
    )


def numbers(content: dict[str, Any], separator: str, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every number in nested dicts, with the keys that lead to it.

    Args:
        content: such as a row of metrics.jsonl.
        separator: stands between two keys.
        prefix: before the first key.
    """
    for name, value in content.items():
        if isinstance(value, dict):
            yield from numbers(value, separator, f"{prefix}{name}{separator}")
        elif MEASURED.holds(value):
            yield prefix + name, float(value)


def setting_leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and value of everything in a tree of settings."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from setting_leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def default_settings() -> dict[str, Any]:
    """Dotted key to default, as they would stand in a settings.yaml."""
    return {key: _plain(value) for key, value in setting_leaves(asdict(Settings()))}


def _points(rows: Any, path: tuple[str, ...]) -> Iterator[tuple[int, float]]:
    for step, content in rows:
        value = content
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if MEASURED.holds(value) and math.isfinite(value):
            yield step, float(value)


def _optional(file: Path, kind: Kind) -> dict[str, Any]:
    if not file.is_file():
        return {}
    content: dict[str, Any] = read_object(file, OBJECT)
    if content:
        require_version(content.get("version"), RUN_VERSION, file)
        kind.checked(content, str(file))
    return content


def _plain(value: Any) -> Any:
    """As a YAML file holds it."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
