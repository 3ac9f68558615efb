"""Runs as designs side by side: their answers paired, their costs, and what is not the same in all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from macaw_cli.comparison.statistics import difference, quality_of, quality_of_figures
from macaw_cli.evaluation.figures.answers import Answers, asked_of, read_answers, read_figures
from macaw_cli.reports.comparison import RunComparison
from macaw_cli.reports.design_comparison import DesignComparison, DesignReport
from macaw_cli.reports.figures import last_validation
from macaw_cli.reports.run_record import RunRecord

_MEANT_TO_DIFFER = ("bridge", "injection", "seed", "training.name", "expert_texts")
_SHOWN_KEYS = 5


@dataclass(frozen=True)
class DesignRuns:
    """One design, its runs, and what is known of it beside them.

    Attributes:
        name: as tables call it.
        runs: one per seed.
        soft_tokens: modality to soft tokens of one medium.
        trained_parameters: None where it is not known.
        failures: why a seed, or all of them, came to nothing.
    """

    name: str
    runs: Sequence[RunRecord] = ()
    soft_tokens: Mapping[str, float] = field(default_factory=dict)
    trained_parameters: int | None = None
    failures: Sequence[str] = ()

    @cached_property
    def answers(self) -> list[Answers]:
        """Of each run; none where not all of them tell single questions."""
        read = [read_answers(record.folder) for record in self.runs]
        return [answers for answers in read if answers] if all(read) else []


def side_by_side(designs: Sequence[DesignRuns], seeds: int, warnings: Sequence[str] = ()) -> DesignComparison:
    """The figures of all designs, each paired with those of the first one that has runs.

    Args:
        designs: in order.
        seeds: runs that each was meant to have.
        warnings: what is known to be wrong already.

    Raises:
        DamagedError: a file of a run is not what macaw writes.
    """
    reports = [_report(design) for design in designs]
    quality = DesignComparison(reports).quality
    first = next((design for design in designs if design.runs), None)
    paired = [
        replace(report, difference=difference(design.answers, first.answers, quality))
        if first and design is not first and design.answers and first.answers
        else report
        for design, report in zip(designs, reports, strict=True)
    ]
    return DesignComparison(paired, seeds, [*warnings, *differences_of(designs)])


def differences_of(designs: Sequence[DesignRuns]) -> list[str]:
    """What makes runs hard to compare, one sentence each: other data, other questions, other settings."""
    found = []
    records = [record for design in designs for record in design.runs]
    trained_on = _groups({record.name: _identity(record) for record in records})
    if len(trained_on) > 1:
        found.append(f"The runs were trained on different datasets: {_told(trained_on)}.")
    asked = {record.name: asked_of(record.folder) for record in records}
    if None in asked.values() and any(asked.values()):
        lacking = ", ".join(name for name, one in asked.items() if one is None)
        found.append(f"Not evaluated, so figures are those of the last validation: {lacking}.")
    questions = _groups({record.name: _questions(record) for record in records if asked[record.name] is not None})
    if not any(asked.values()):  # then figures are those of validations
        questions = _groups({record.name: _validated(record) for record in records})
    if len(questions) > 1:
        found.append(f"The runs were asked different questions: {_told(questions)}.")
    keys = [key for key in RunComparison(records).different_settings if not key.startswith(_MEANT_TO_DIFFER)]
    if keys:
        more = f" and {len(keys) - _SHOWN_KEYS} more" if len(keys) > _SHOWN_KEYS else ""
        found.append(f"The runs also differ in {', '.join(keys[:_SHOWN_KEYS])}{more}.")
    found += [f"{record.name} is not finished: it stands at step {record.steps}." for record in records
              if not record.is_finished]  # fmt: skip
    return found


def _report(design: DesignRuns) -> DesignReport:
    if design.answers:
        quality = quality_of(design.answers)
    elif len(design.runs) == 1:
        (record,) = design.runs
        quality = quality_of_figures(read_figures(record.folder) or last_validation(record))
    else:
        quality = {}
    return DesignReport(
        design.name, design.runs, quality, None, design.soft_tokens, design.trained_parameters, design.failures
    )


def _identity(record: RunRecord) -> str:
    return str((record.versions.get("identity") or {}).get("dataset"))


def _questions(record: RunRecord) -> str:
    """What tells whether two runs were asked the same questions: how they were chosen, and which came of it."""
    return str((sorted((asked_of(record.folder) or {}).items()), sorted(read_answers(record.folder) or ())))


def _validated(record: RunRecord) -> str:
    """The same of the last validation, of which the numbers of questions alone are known."""
    quality = quality_of_figures(read_figures(record.folder) or last_validation(record))
    return str({line: one.n for line, measures in quality.items() for one in measures.values()})


def _groups(of: Mapping[str, str]) -> list[list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in of.items():
        found.setdefault(value, []).append(name)
    return list(found.values())


def _told(groups: Sequence[Sequence[str]]) -> str:
    return "; ".join(", ".join(group) for group in groups)
