"""What is in a run: how far it came, its losses and reliance, the settings that were not left at their defaults."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import yaml

from macaw_cli.basics.atomic_files import read_json, read_jsonl
from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.fingerprints import require_version
from macaw_cli.config.settings import Settings
from macaw_cli.inspection.description import Description, Table
from macaw_cli.inspection.findings import Finding
from macaw_cli.inspection.models import describe_model, verify_model

RUN_VERSION = 1
MODEL = "model"
CONDITIONS = ("real", "none", "swapped", "chance", "reliance")


def describe_run(folder: Path) -> Description:
    """Read what the training wrote down; the model is described with it when it is there.

    Raises:
        MismatchError: a newer macaw wrote it.
        DamagedError: one of its files is not what macaw writes.
    """
    versions = _optional(folder / "versions.json")
    if versions:
        require_version(versions.get("version"), RUN_VERSION, folder / "versions.json")
    metrics = read_jsonl(folder / "metrics.jsonl")
    summary = _optional(folder / "summary.json")
    model = describe_model(folder / MODEL) if (folder / MODEL / "config.json").is_file() else None
    checkpoints = folder / "checkpoints"
    facts: dict[str, Any] = {
        "finished": bool(summary),
        "steps": max((row["step"] for row in metrics if "step" in row), default=0),
        "metrics": _course(metrics),
        "validation": next((row["validation"] for row in reversed(metrics) if "validation" in row), None),
        "summary": summary,
        "settings": _changed_settings(folder / "settings.yaml"),
        "versions": versions,
        "checkpoints": sorted(entry.name for entry in checkpoints.glob("step-*")),
        "model": model and model.facts,
    }
    lines = {
        "state": "finished" if summary else "not finished: macaw train --resume continues it",
        "steps": str(facts["steps"]),
        "checkpoints": ", ".join(facts["checkpoints"]) or "none",
    }
    if summary.get("seconds"):
        lines["trained in"] = f"{summary['seconds']:.0f} s"
    tables = [*_tables(facts), *(model.tables if model else [])]
    next_step = f"macaw chat {folder}" if summary else "macaw train --resume"
    return Description("run", str(folder), facts, lines, tables, next_step)


def verify_run(folder: Path) -> Iterator[Finding]:
    """Check the files of the run's model."""
    if (folder / MODEL / "config.json").is_file():
        for finding in verify_model(folder / MODEL):
            yield replace(finding, file=f"{MODEL}/{finding.file}")


def _optional(file: Path) -> dict[str, Any]:
    content = read_json(file) if file.is_file() else {}
    if not isinstance(content, dict):
        raise DamagedError(f"{file} is not what macaw writes there.", "Restore it from a copy.")
    return content


def _course(metrics: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """First, last, lowest and highest value of everything that was measured; of validations the loss only."""
    course: dict[str, list[float]] = {}
    for row in metrics:
        validation = {"validation loss": row["validation"].get("loss")} if "validation" in row else {}
        for name, value in _numbers({key: row[key] for key in row if key != "validation"} | validation):
            course.setdefault(name, []).append(value)
    course.pop("step", None)
    return {
        name: {"first": seen[0], "last": seen[-1], "lowest": min(seen), "highest": max(seen), "rows": len(seen)}
        for name, seen in course.items()
    }


def _numbers(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", float(value)


def _changed_settings(file: Path) -> dict[str, Any]:
    """Dotted key to value of every setting that differs from its default.

    Raises:
        DamagedError: the file is not YAML.
    """
    try:
        found = yaml.safe_load(file.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DamagedError(f"{file} is not valid YAML ({error}).", "Restore it from a copy.") from None
    defaults = dict(_leaves(asdict(Settings())))
    leaves = _leaves(found if isinstance(found, dict) else {})
    return {key: value for key, value in leaves if key not in defaults or _plain(defaults[key]) != value}


def _leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _tables(facts: dict[str, Any]) -> list[Table]:
    course = [
        [name, *(f"{seen[key]:.4g}" for key in ("first", "last", "lowest", "highest")), str(seen["rows"])]
        for name, seen in facts["metrics"].items()
    ]
    settings = [[key, str(value)] for key, value in facts["settings"].items()]
    held_out = [
        [name, *(_share(figures.get(key)) for key in CONDITIONS)]
        for name, figures in _reliance(facts["validation"]).items()
    ]
    return [
        Table("Course of the training", ["", "first", "last", "lowest", "highest", "rows"], course),
        Table("Held-out accuracy at the last validation", ["", *CONDITIONS], held_out),
        Table("Settings that are not the defaults", ["key", "value"], settings),
    ]


def _reliance(validation: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Figures per modality and kind of a validation's row."""
    figures = (validation or {}).get("reliance") or validation or {}
    return {**figures.get("modalities", {}), **{f"  {name}": seen for name, seen in figures.get("kinds", {}).items()}}


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
