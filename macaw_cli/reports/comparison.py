"""Several runs side by side: the figures of each, and the settings in which they differ."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from macaw_cli.reports.figures import run_figures
from macaw_cli.reports.run_record import RunRecord, default_settings, setting_leaves
from macaw_cli.reports.wording import duration, number

ALWAYS_DIFFERENT = ("training.name",)
NOT_THERE = "-"


@dataclass(frozen=True)
class RunComparison:
    """Runs in the order in which they were named."""

    records: Sequence[RunRecord]

    @cached_property
    def names(self) -> list[str]:
        """A short name of each: its folder's, with the path before it where two are called the same."""
        counts = Counter(record.name for record in self.records)
        return [record.name if counts[record.name] == 1 else str(record.folder) for record in self.records]

    @cached_property
    def figures(self) -> list[dict[str, Any]]:
        """`run_figures` of each."""
        return [run_figures(record) for record in self.records]

    @cached_property
    def different_settings(self) -> dict[str, list[Any]]:
        """Dotted key to the value of each run; a run that has no such key, as an older one, counts as the default."""
        defaults = default_settings()
        trees = [dict(setting_leaves(record.settings)) for record in self.records]
        keys = dict.fromkeys(key for tree in trees for key in tree)
        values = {key: [tree.get(key, defaults.get(key)) for tree in trees] for key in keys}
        return {
            key: seen
            for key, seen in values.items()
            if key not in ALWAYS_DIFFERENT and any(value != seen[0] for value in seen)
        }

    @cached_property
    def rows(self) -> list[list[str]]:
        """The figures as lines of a table: what it is, then one cell per run; what no run has is left out."""
        modalities = list(dict.fromkeys(name for figures in self.figures for name in figures["reliance"]))
        free = list(dict.fromkeys(name for figures in self.figures for name in figures["preference"]))
        lines = [
            ["state", *("finished" if figures["finished"] else "not finished" for figures in self.figures)],
            ["steps", *(f"{figures['steps']:,}" for figures in self.figures)],
            self._line("final loss", lambda figures: number(figures["final_loss"])),
            self._line("best held-out loss", lambda figures: number((figures["best_validation"] or {}).get("loss"))),
            self._line("  after step", lambda figures: str((figures["best_validation"] or {}).get("step", NOT_THERE))),
            *(self._line(f"reliance on {name}", _reliance(name)) for name in modalities),
            *(self._line(f"preference for {name}", _preference(name)) for name in free),
            self._line("tokens/s", lambda figures: _whole(figures["tokens_per_second"])),
            self._line("examples/s", lambda figures: _whole(figures["examples_per_second"])),
            self._line("time in steps", lambda figures: duration(figures["seconds_of_steps"])),
            self._line("skipped steps", lambda figures: str(figures["skipped_steps"])),
        ]
        return [line for line in lines if any(cell != NOT_THERE for cell in line[1:])]

    def as_json(self) -> dict[str, Any]:
        """The object of `macaw inspect RUN1 RUN2 --json`."""
        runs = [
            {"name": name, "path": str(record.folder), **figures, "settings": record.changed_settings}
            for name, record, figures in zip(self.names, self.records, self.figures, strict=True)
        ]
        return {"kind": "runs", "runs": runs, "different_settings": self.different_settings}

    def _line(self, name: str, cell: Any) -> list[str]:
        return [name, *(cell(figures) for figures in self.figures)]


def requested_page(target: Path | None) -> Path:
    """Where the page of a comparison goes: it belongs to no run, so into the current folder."""
    return target or Path("comparison.html")


def _reliance(modality: str) -> Any:
    return lambda figures: f"{figures['reliance'][modality]:+.2f}" if modality in figures["reliance"] else NOT_THERE


def _preference(modality: str) -> Any:
    return lambda figures: f"{figures['preference'][modality]:.2f}" if modality in figures["preference"] else NOT_THERE


def _whole(value: float | None) -> str:
    return NOT_THERE if value is None else f"{value:,.0f}"
