"""Several designs side by side as data: what each came to, in the order in which they were named; tables of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from statistics import fmean
from textwrap import shorten
from typing import Any

from macaw_cli.basics.disk import human_bytes
from macaw_cli.reports.figures import run_figures
from macaw_cli.reports.run_record import RunRecord
from macaw_cli.reports.tables import Table
from macaw_cli.reports.wording import duration

MEASURES = ("accuracy", "reliance", "preference")
OVERALL = "all with media"
NOT_THERE = "-"
_HEAD_LENGTH = 24
"""Characters of a design's name in the head of a column."""


@dataclass(frozen=True)
class Measured:
    """One figure of held-out questions.

    Attributes:
        value: mean over the questions, and over seeds where there are several.
        ci95: its 95 % interval over the questions; None where it is not known.
        n: questions.
        spread: standard deviation over the seeds; None for a single one.
    """

    value: float
    ci95: list[float] | None
    n: int
    spread: float | None = None


@dataclass(frozen=True)
class DesignReport:
    """What one design came to.

    Attributes:
        name: as tables call it.
        runs: one per seed that was trained to the end.
        quality: line (`OVERALL`, a modality, or a kind, indented) to measure to figure.
        difference: of its quality from the first design's, question by question; None where it cannot be paired.
        soft_tokens: modality to the mean number of soft tokens of one medium.
        trained_parameters: values that are trained, LLM included; None where it is not known.
        failures: why a seed, or all of them, came to nothing.
    """

    name: str
    runs: Sequence[RunRecord] = ()
    quality: Mapping[str, Mapping[str, Measured]] = field(default_factory=dict)
    difference: Measured | None = None
    soft_tokens: Mapping[str, float] = field(default_factory=dict)
    trained_parameters: int | None = None
    failures: Sequence[str] = ()

    @cached_property
    def figures(self) -> list[dict[str, Any]]:
        """`run_figures` of each run."""
        return [run_figures(record) for record in self.runs]

    def mean(self, name: str) -> float | None:
        """Mean over the runs of a figure of `run_figures`; None where no run has it."""
        known = [figures[name] for figures in self.figures if figures[name] is not None]
        return fmean(known) if known else None

    @property
    def peak_memory_bytes(self) -> float | None:
        """The most that a run took."""
        return max((seen["peak_memory_bytes"] for seen in self.figures if seen["peak_memory_bytes"]), default=None)

    def measured(self, line: str, measure: str) -> Measured | None:
        """One figure; None where it was not measured."""
        return self.quality.get(line, {}).get(measure)


@dataclass(frozen=True)
class DesignComparison:
    """All designs, and what must be known to read their figures.

    Attributes:
        designs: in order; the others are compared with the first one that came to something.
        seeds: runs of each design.
        warnings: what is not the same in all runs.
    """

    designs: Sequence[DesignReport]
    seeds: int = 1
    warnings: Sequence[str] = ()

    @cached_property
    def measured(self) -> list[DesignReport]:
        """The designs that have a run."""
        return [design for design in self.designs if design.runs]

    @cached_property
    def lines(self) -> list[str]:
        """Every modality and kind that was asked about, all questions first."""
        return list(dict.fromkeys(line for design in self.designs for line in design.quality))

    @cached_property
    def modalities(self) -> list[str]:
        """The lines that are modalities."""
        return [line for line in self.lines if line != OVERALL and not line.startswith(" ")]

    @cached_property
    def quality(self) -> str:
        """The measure by which designs are compared: accuracy, or preference where answers have no choices."""
        known = [design for design in self.measured if design.quality]
        return "accuracy" if all(design.measured(OVERALL, "accuracy") for design in known) else "preference"

    @cached_property
    def best(self) -> DesignReport | None:
        """The design of the highest quality; the first where none was asked."""
        known = [design for design in self.measured if design.measured(OVERALL, self.quality)]
        return max(known, key=self._quality_of, default=self.measured[0] if self.measured else None)

    def table(self) -> Table:
        """One row per design: quality over all questions, and what it costs."""
        shown = [measure for measure in MEASURES if any(design.measured(OVERALL, measure) for design in self.designs)]
        if self.quality == "accuracy":
            shown = [measure for measure in shown if measure != "preference"]
        first = shorten(self.measured[0].name, _HEAD_LENGTH, placeholder=" ...") if self.measured else ""
        columns = ["design", *shown, "n", *([f"{self.quality} to {first}", "95 %"] if len(self.measured) > 1 else []),
                   "soft tokens", "trained", "ex/s", "memory", "in steps"]  # fmt: skip
        return Table("Designs", columns, [self._row(design, shown) for design in self.designs])

    def reliance_table(self) -> Table:
        """One row per design: reliance, or preference, of each modality, with its interval and number of questions."""
        columns = ["design", *(name for modality in self.modalities for name in (modality, "95 %", "n"))]
        rows = []
        for design in self.measured:
            found = [self.looking(design, modality)[1] for modality in self.modalities]
            rows.append([design.name, *(cell for one in found for cell in (told(one), interval(one), asked(one)))])
        return Table("Reliance, or preference where answers have no choices", columns, rows)

    def looking(self, design: DesignReport, line: str) -> tuple[str, Measured | None]:
        """The measure that tells whether a line's media are used, and its figure."""
        reliance = design.measured(line, "reliance")
        return ("reliance", reliance) if reliance else ("preference", design.measured(line, "preference"))

    def as_json(self) -> dict[str, Any]:
        """The object of `macaw compare --json`."""
        return {
            "kind": "comparison",
            "seeds": self.seeds,
            "quality": self.quality,
            "designs": [self._design_json(design) for design in self.designs],
            "warnings": list(self.warnings),
        }

    def _quality_of(self, design: DesignReport) -> float:
        found = design.measured(OVERALL, self.quality)
        return found.value if found else 0.0

    def _row(self, design: DesignReport, shown: Sequence[str]) -> list[str]:
        compared = len(self.measured) > 1
        if not design.runs:
            return [design.name, "failed", *[NOT_THERE] * (len(shown) + 2 * compared + 5)]
        difference = [told(design.difference, "+"), interval(design.difference, "+")] if compared else []
        counts = [f"{count:.3g}" for count in design.soft_tokens.values()]
        speed, memory, spent = (design.mean(name) for name in ("examples_per_second", "peak_memory_bytes",
                                                               "seconds_of_steps"))  # fmt: skip
        return [
            design.name + (" *" if design.failures else ""),
            *(told(design.measured(OVERALL, measure)) for measure in shown),
            asked(design.measured(OVERALL, self.quality)),
            *difference,
            " ".join(counts) or NOT_THERE,
            short(design.trained_parameters),
            NOT_THERE if speed is None else f"{speed:,.0f}",
            human_bytes(design.peak_memory_bytes) if memory and design.peak_memory_bytes else NOT_THERE,
            duration(spent) if spent else NOT_THERE,
        ]

    def _design_json(self, design: DesignReport) -> dict[str, Any]:
        return {
            "name": design.name,
            "runs": [str(record.folder) for record in design.runs],
            "failures": list(design.failures),
            "quality": {
                line.strip(): {measure: asdict(one) for measure, one in found.items()}
                for line, found in design.quality.items()
            },
            "difference": design.difference and asdict(design.difference),
            "soft_tokens": dict(design.soft_tokens),
            "trained_parameters": design.trained_parameters,
            "examples_per_second": design.mean("examples_per_second"),
            "peak_memory_bytes": design.peak_memory_bytes,
            "seconds_of_steps": design.mean("seconds_of_steps"),
            "steps": design.mean("steps"),
            "examples": design.mean("examples"),
            "tokens": design.mean("tokens"),
            "final_loss": design.mean("final_loss"),
            "validation_loss": design.mean("validation_loss"),
        }


def told(one: Measured | None, sign: str = "") -> str:
    """Two decimals, and the spread over seeds where there are several."""
    if one is None:
        return NOT_THERE
    return f"{one.value:{sign}.2f}" + ("" if one.spread is None else f" ±{one.spread:.2f}")


def interval(one: Measured | None, sign: str = "") -> str:
    """`0.91 0.98`."""
    return NOT_THERE if one is None or one.ci95 is None else " ".join(f"{bound:{sign}.2f}" for bound in one.ci95)


def asked(one: Measured | None) -> str:
    """The number of questions."""
    return NOT_THERE if one is None else f"{one.n:,}"


def short(count: int | None) -> str:
    """`950`, `12.3 k`, `4.56 M`, `7.0 G`: three digits of a number of parameters."""
    if count is None:
        return NOT_THERE
    value, unit = float(count), ""
    for unit in ("", " k", " M", " G"):
        if value < 999.5 or unit == " G":
            break
        value /= 1000
    return f"{value:.3g}{unit}"
