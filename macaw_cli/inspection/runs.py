"""What is in a run: how far it came, its losses and reliance, the settings that were not left at their defaults."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.shell_words import to_type
from macaw_cli.inspection.description import Description
from macaw_cli.inspection.findings import Finding
from macaw_cli.inspection.models import describe_model, verify_model
from macaw_cli.reports.figures import CONDITIONS, held_out, run_figures
from macaw_cli.reports.run_page import PAGE_NAME
from macaw_cli.reports.run_record import RunRecord, numbers, read_run
from macaw_cli.reports.sparkline import levels_for, loss_line
from macaw_cli.reports.tables import Table
from macaw_cli.reports.wording import duration, number, share

MODEL = "model"
CURVE_WIDTH = 48


def describe_run(folder: Path) -> Description:
    """Read what the training wrote down; the model is described with it when it is there.

    Raises:
        MismatchError: a newer macaw wrote it.
        DamagedError: one of its files is not what macaw writes.
    """
    record = read_run(folder)
    model = describe_model(folder / MODEL) if (folder / MODEL / "config.json").is_file() else None
    figures = run_figures(record)
    facts: dict[str, Any] = {
        **figures,
        "metrics": _course(record.rows),
        "validation": record.validations[-1][1] if record.validations else None,
        "summary": record.summary,
        "settings": record.changed_settings,
        "versions": record.versions,
        "checkpoints": sorted(entry.name for entry in (folder / "checkpoints").glob("step-*")),
        "model": model and model.facts,
    }
    tables = [*_tables(record, facts), *(model.tables if model else [])]
    next_step = to_type("macaw", "chat", folder) if record.is_finished else "macaw train --resume"
    return Description("run", str(folder), facts, _lines(record, facts), tables, next_step)


def verify_run(folder: Path) -> Iterator[Finding]:
    """Check the files of the run's model."""
    if (folder / MODEL / "config.json").is_file():
        for finding in verify_model(folder / MODEL):
            yield replace(finding, file=f"{MODEL}/{finding.file}")


def _lines(record: RunRecord, facts: dict[str, Any]) -> dict[str, str]:
    best, spent = facts["best_validation"], facts["seconds_of_steps"]
    speed = facts["tokens_per_second"]
    lines = {
        "state": "finished" if record.is_finished else "not finished: macaw train --resume continues it",
        "steps": str(facts["steps"]),
        "loss": _loss(record, facts["final_loss"]),
        "best held-out loss": f"{number(best['loss'])} after step {best['step']}" if best else "",
        "reliance": ", ".join(f"{name} {value:+.2f}" for name, value in facts["reliance"].items()),
        "preference": ", ".join(f"{name} {value:.2f}" for name, value in facts["preference"].items()),
        "verdict": " ".join(found["text"] for found in facts["verdict"].values()),
        "skipped steps": str(facts["skipped_steps"]) if facts["skipped_steps"] else "",
        "time in steps": f"{duration(spent)}, {speed:,.0f} tokens/s" if spent and speed else "",
        "of which": ", ".join(f"{phase} {part:.0%}" for phase, part in facts["time"].items()),
        "padding": "" if facts["padding"] is None else f"{facts['padding']:.1%}",
        "peak memory of rank 0": human_bytes(facts["peak_memory_bytes"]) if facts["peak_memory_bytes"] else "",
        "gradient norm": _norms(facts["gradient_norm"]),
        "stages": ", ".join(f"{span['name']} to step {span['last_step']}" for span in facts["stages"]),
        "checkpoints": ", ".join(facts["checkpoints"]) or "none",
        "report": str(record.folder / PAGE_NAME) if (record.folder / PAGE_NAME).is_file() else "",
    }
    if facts["seconds_of_last_session"]:
        lines["trained in"] = f"{facts['seconds_of_last_session']:.0f} s"
    return {name: value for name, value in lines.items() if value}


def _loss(record: RunRecord, last: float | None) -> str:
    values = [value for _, value in record.curve("loss")]
    return f"{number(last)}  {loss_line(values, CURVE_WIDTH, levels_for(sys.stdout))}" if values else ""


def _norms(norms: dict[str, float] | None) -> str:
    return f"{number(norms['last'])} at the end, {number(norms['highest'])} at most" if norms else ""


def _course(metrics: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """First, last, lowest and highest value of everything that was measured; of validations the loss only."""
    course: dict[str, list[float]] = {}
    for row in metrics:
        validation = {"validation loss": row["validation"].get("loss")} if row.get("validation") else {}
        for name, value in numbers({key: row[key] for key in row if key != "validation"} | validation, "."):
            course.setdefault(name, []).append(value)
    course.pop("step", None)
    return {
        name: {"first": seen[0], "last": seen[-1], "lowest": min(seen), "highest": max(seen), "rows": len(seen)}
        for name, seen in course.items()
    }


def _tables(record: RunRecord, facts: dict[str, Any]) -> list[Table]:
    course = [
        [name, *(f"{seen[key]:.4g}" for key in ("first", "last", "lowest", "highest")), str(seen["rows"])]
        for name, seen in facts["metrics"].items()
    ]
    settings = [[key, str(value)] for key, value in facts["settings"].items()]
    answers = [
        [name, *(share(figures.get(key)) for key in CONDITIONS)] for name, figures in held_out(record).items()
    ]
    return [
        Table("Course of the training", ["", "first", "last", "lowest", "highest", "rows"], course),
        Table("Held-out questions at the last validation", ["", *CONDITIONS], answers),
        Table("Settings that differ from their defaults", ["key", "value"], settings),
    ]
