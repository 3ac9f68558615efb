"""The figures by which a run is judged and compared, all from what it wrote down."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from macaw_cli.basics.figure_kinds import kinds_below, modality_of
from macaw_cli.reports.run_record import RunRecord

TRAINING_PHASES = ("load", "forward", "backward", "optimizer", "checkpoint")
"""Phases that a row about training steps tells."""
PHASES = (*TRAINING_PHASES, "validation")
BETWEEN_STEPS = ("checkpoint", "validation")
"""Phases that do not count when the speed of the steps is told."""
CONDITIONS = ("real", "none", "swapped", "chance", "reliance", "preference")
"""Columns of a table of held-out figures."""


@dataclass(frozen=True)
class StageSpan:
    """The steps of one stage that were logged."""

    name: str
    first_step: int
    last_step: int
    loss: float | None
    """The loss of the last row."""


def run_figures(record: RunRecord) -> dict[str, Any]:
    """Everything that is one number, as JSON; None where the run did not write it.

    Args:
        record: the run.
    """
    losses, validation = record.curve("loss"), last_validation(record)
    best = min(record.validation_curve("loss"), key=lambda point: point[1], default=None)
    rows = record.training_rows
    seconds = sum(spent for phase, spent in time_spent(record).items() if phase not in BETWEEN_STEPS)
    examples, tokens = (sum(row.get(key) or 0 for row in rows) for key in ("examples", "tokens"))
    modalities = validation.get("modalities") or {}
    norms = [value for _, value in record.curve("gradient_norm")]
    return {
        "steps": record.steps,
        "finished": record.is_finished,
        "final_loss": losses[-1][1] if losses else None,
        "validation_loss": validation.get("loss"),
        "best_validation": {"step": best[0], "loss": best[1]} if best else None,
        "accuracy": {name: seen.get("real") for name, seen in modalities.items()},
        "reliance": _known(modalities, "reliance"),
        "preference": _known(modalities, "preference"),
        "verdict": record.summary.get("verdict") or {},
        "examples": examples,
        "tokens": tokens,
        "seconds_of_steps": round(seconds, 1),
        "seconds_of_last_session": record.summary.get("seconds"),
        "examples_per_second": examples / seconds if seconds else None,
        "tokens_per_second": tokens / seconds if seconds else None,
        "time": time_shares(record),
        "padding": _padding(rows),
        "peak_memory_bytes": max((row["memory"] for row in rows if row.get("memory")), default=None),
        "swapped": sum(int(row.get("swapped") or 0) for row in rows),
        "skipped_steps": sum(int(row.get("skipped") or 0) for row in rows),
        "gradient_norm": {"last": norms[-1], "highest": max(norms)} if norms else None,
        "stages": [vars(span) for span in stage_spans(record)],
    }


def _known(modalities: dict[str, dict[str, Any]], name: str) -> dict[str, float]:
    return {modality: seen[name] for modality, seen in modalities.items() if seen.get(name) is not None}


def _padding(rows: Sequence[dict[str, Any]]) -> float | None:
    """1 - real tokens / (ranks x the longest rank), from the same of each row; None where that was not written."""
    told = [(row["tokens"], row["padding"]) for row in rows if row.get("padding") is not None and row.get("tokens")]
    waited_for = sum(tokens / (1 - padding) for tokens, padding in told)
    return 1 - sum(tokens for tokens, _ in told) / waited_for if told else None


def last_validation(record: RunRecord) -> dict[str, Any]:
    """Figures of the last validation, those of `macaw evaluate` beside `loss`; empty without one."""
    figures = record.validations[-1][1] if record.validations else {}
    return {**figures, **(figures.get("reliance") or {})}


def held_out(record: RunRecord) -> dict[str, dict[str, Any]]:
    """Figures of the last validation per modality, each followed by its kinds (indented), then what is left."""
    figures = last_validation(record)
    modalities, lines = figures.get("modalities") or {}, {}
    for modality, measured in modalities.items():
        lines[modality] = measured
        lines |= {f"  {kind}": seen for kind, seen in kinds_below(figures, modality).items()}
    kinds = figures.get("kinds") or {}
    left = {kind: seen for kind, seen in kinds.items() if modality_of(kind, seen) not in modalities}
    return {**lines, **left}


def time_spent(record: RunRecord) -> dict[str, float]:
    """Seconds of each phase, summed over the run; phases that were never timed are left out."""
    sums: dict[str, float] = {}
    for _, spent in times(record):
        for phase, seconds in spent.items():
            sums[phase] = sums.get(phase, 0.0) + seconds
    order = {phase: number for number, phase in enumerate(PHASES)}
    return dict(sorted(sums.items(), key=lambda item: order.get(item[0], len(order))))


def times(record: RunRecord) -> list[tuple[int, dict[str, float]]]:
    """Step and seconds of each phase since the row before; a validation counts to the row that it follows."""
    found: list[tuple[int, dict[str, float]]] = []
    for row in record.rows:
        spent = {phase: float(seconds) for phase, seconds in (row.get("seconds") or {}).items()}
        if row.get("validation") and found:
            found[-1][1].update(spent)
        elif spent:
            found.append((int(row["step"]), spent))
    return found


def time_shares(record: RunRecord) -> dict[str, float]:
    """Share of each phase in the time that was measured, 0 to 1."""
    spent = time_spent(record)
    total = sum(spent.values())
    return {phase: seconds / total for phase, seconds in spent.items()} if total else {}


def stage_spans(record: RunRecord) -> list[StageSpan]:
    """The stages in order; none for a run without a recipe."""
    spans: list[StageSpan] = []
    begin = 0
    for row in record.training_rows:
        step, name = int(row["step"]), row.get("stage")
        if name:
            first = spans.pop().first_step if spans and spans[-1].name == name else begin + 1
            spans.append(StageSpan(name, first, step, row["loss"]))
        begin = step
    return spans
