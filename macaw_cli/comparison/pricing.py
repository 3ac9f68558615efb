"""What a comparison will cost: each design planned by `macaw train --plan`, which measures real steps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from macaw_cli.basics.console import say
from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.errors import ResourceError
from macaw_cli.basics.typed_rows import COUNT, NUMBER, OBJECT, TEXT, Fields, list_of
from macaw_cli.comparison.budget import of_steps, steps_of_minutes
from macaw_cli.comparison.candidates import Candidate
from macaw_cli.comparison.request import Request
from macaw_cli.comparison.trials import asked_by_command
from macaw_cli.config.run_files import read_settings_tree
from macaw_cli.reports.design_comparison import short
from macaw_cli.reports.run_record import setting_leaves
from macaw_cli.reports.tables import Table
from macaw_cli.reports.wording import duration
from macaw_cli.training.run_folder import RunFolder

_PLAN = Fields(
    {"steps": COUNT},
    {"memory": Fields({}, {"verdict": TEXT}), "seconds": Fields({"total": NUMBER, "steps": NUMBER}),
     "measured": list_of(Fields({}, {"peak_bytes": NUMBER})), "no_time": TEXT, "stages": list_of(OBJECT)},
)  # fmt: skip


@dataclass(frozen=True)
class Price:
    """The plan of one run of a design.

    Attributes:
        candidate: the design.
        steps: optimizer steps.
        seconds: of the whole training; None where it cannot be measured here.
        seconds_per_step: mean over the plan; None where it cannot be measured here.
        memory_bytes: that the measured steps took at most; None where that is not known.
        verdict: whether it fits.
        failure: why it cannot be planned; empty where it can.
        runs: of the design, one per seed.
        finished: those of them that are trained already, which take no time.
    """

    candidate: Candidate
    steps: int = 0
    seconds: float | None = None
    seconds_per_step: float | None = None
    memory_bytes: float | None = None
    verdict: str = ""
    failure: str = ""
    runs: int = 1
    finished: int = 0

    @property
    def left(self) -> int:
        """Runs that are to be trained."""
        return self.runs - self.finished


def price_of(request: Request, candidate: Candidate, finished: int = 0) -> Price:
    """Plan one design with `macaw train --plan`, in a process of its own; one that is finished is not measured.

    Args:
        request: the command.
        candidate: the design.
        finished: how many of its runs are trained already.

    Raises:
        Interrupted: a signal arrived.
    """
    if candidate.error:
        return Price(candidate, failure=str(candidate.error), runs=request.seeds)
    if finished == request.seeds:
        return Price(candidate, runs=request.seeds, finished=finished)
    say(f"Planning {candidate.design.label}")
    words = [*request.words(candidate.design, None, candidate.settings), *request.process_words, "--plan"]
    answer, failure = asked_by_command("train", words)
    if failure:
        return Price(candidate, failure=failure, runs=request.seeds, finished=finished)
    plan: dict[str, Any] = _PLAN.checked(answer, "the answer of macaw train --plan")
    seconds = plan.get("seconds")
    return Price(
        candidate,
        steps=plan["steps"],
        seconds=seconds and seconds["total"],
        seconds_per_step=seconds and seconds["steps"] / max(plan["steps"], 1),
        memory_bytes=max(filter(None, (one.get("peak_bytes") for one in plan.get("measured") or ())), default=None),
        verdict=(plan.get("memory") or {}).get("verdict") or "",
        failure="" if seconds else f"its time cannot be measured: {plan.get('no_time')}",
        runs=request.seeds,
        finished=finished,
    )


def with_minutes(request: Request, candidates: Sequence[Candidate], runs: Path) -> list[Candidate]:
    """The candidates with the steps that a budget of minutes comes to; with another budget, as they are.

    A run that was begun keeps its steps, so that it continues exactly: measuring again would give others.

    Args:
        request: the command.
        candidates: of all designs.
        runs: folder of the runs.
    """
    budget = request.budget
    if budget is None or budget.unit != "minutes":
        return list(candidates)
    return [_with_steps(request, candidate, budget.amount, runs) for candidate in candidates]


def price_table(prices: Sequence[Price], seeds: int) -> Table:
    """One row per design, and their sum."""
    rows = [_row(price) for price in prices]
    some_finished = any(price.finished for price in prices)
    times = ", what is left" if some_finished else f", {seeds} seeds each" if seeds > 1 else ""
    rows.append([f"all{times}", "", "", "", "", duration(_seconds_left(prices))])
    return Table("Plan of the comparison", ["design", "steps", "soft tokens", "trained", "memory", "time"], rows)


def price_json(prices: Sequence[Price], seeds: int) -> dict[str, Any]:
    """The object of `macaw compare --plan --json`."""
    return {
        "seeds": seeds,
        "designs": [
            {"name": price.candidate.design.label, "steps": price.steps if price.left else None,
             "runs": price.runs, "finished": price.finished, "seconds": price.seconds,
             "memory_bytes": price.memory_bytes, "verdict": price.verdict, "failure": price.failure or None,
             "soft_tokens": dict(price.candidate.soft_tokens),
             "trained_parameters": price.candidate.trained_parameters}
            for price in prices
        ],
        "seconds": _seconds_left(prices),
    }  # fmt: skip


def _seconds_left(prices: Sequence[Price]) -> float:
    return sum((price.seconds or 0.0) * price.left for price in prices)


def _with_steps(request: Request, candidate: Candidate, minutes: float, runs: Path) -> Candidate:
    if candidate.error:
        return candidate
    workspace = request.workspace(candidate.design)
    training = workspace.settings.training
    begun = RunFolder(runs / request.run_name(candidate.design, workspace.settings.seed))
    if begun.is_run:
        settings = dict(setting_leaves(read_settings_tree(begun.settings_file)))
        own = {key: settings[key] for key in of_steps(1, training) if key in settings}
        return replace(candidate, settings={**candidate.settings, **own})
    price = price_of(request, candidate)
    if not price.seconds_per_step:
        return replace(candidate, error=ResourceError(price.failure, "Give a budget in steps or tokens."))
    steps = steps_of_minutes(minutes, price.seconds_per_step)
    return replace(candidate, settings={**candidate.settings, **of_steps(steps, training)})


def _row(price: Price) -> list[str]:
    candidate = price.candidate
    tokens = " ".join(f"{count:.3g}" for count in candidate.soft_tokens.values())
    if not price.left:
        return [candidate.design.label, "finished", tokens, short(candidate.trained_parameters), "-", "-"]
    if not price.steps:
        return [candidate.design.label, "failed", "-", "-", "-", "-"]
    memory = human_bytes(price.memory_bytes) if price.memory_bytes else "-"
    seconds = "-" if price.seconds is None else duration(price.seconds)
    return [candidate.design.label, f"{price.steps:,}", tokens, short(candidate.trained_parameters), memory, seconds]
