"""What is known of a training while it goes: rates of the last steps, sums since the process began."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from macaw_cli.reports.sparkline import RunningCurve
from macaw_cli.training.data.epoch_plan import PlannedStep
from macaw_cli.training.reporting.mfu import StepWork, WorkCounter

WINDOW_STEPS = 50
"""Rates are means over so many steps: steady enough to read, and not spoilt for long by a slow first step."""
LOSS_STEPS = 10
"""The loss that is shown is the mean of so many steps: that of a single one jumps."""


@dataclass
class StepReport:
    """One finished optimizer step, as far as it is shown."""

    step: int
    loss: float
    learning_rate: float | dict[str, float]
    """One for all, or one per group of parameters."""
    examples: int
    tokens: int
    seconds: dict[str, float] = field(default_factory=dict)
    """Time of each phase."""
    skipped: bool = False
    """The step changed nothing, because its loss or gradients were NaN or infinite."""
    planned: PlannedStep | None = None


class _Mark(NamedTuple):
    """Sums since the process began, and when they stood so."""

    clock: float
    examples: int = 0
    tokens: int = 0
    flops: float = 0.0


@dataclass
class TrainingFacts:
    """Sums and running means; time is that of this process, validations and checkpoints counted separately.

    Attributes:
        total: steps of the whole run.
        first: steps done before this process began.
        peak: most operations per second of one device; None where it is not known.
        ranks: number of devices.
    """

    total: int
    first: int = 0
    peak: float | None = None
    ranks: int = 1
    step: int = 0
    loss: float | None = None
    """Mean of the last `loss_steps` steps; before the first of a resumed run, as metrics.jsonl had it last."""
    stage: str = ""
    ended: bool = False
    """Nothing more will be trained, be it before the last step."""
    skipped: int = 0
    rates: dict[str, float] = field(default_factory=dict)
    curve: RunningCurve = field(default_factory=RunningCurve)
    seconds: dict[str, float] = field(default_factory=dict)
    reliance: dict[str, float] = field(default_factory=dict)
    """Figures of the last validation, per modality."""
    preference: dict[str, float] = field(default_factory=dict)
    """Preferences of the last validation, for modalities without choices, which have no reliance."""
    count_work: WorkCounter | None = None
    _losses: deque[float] = field(default_factory=lambda: deque(maxlen=LOSS_STEPS))
    _tokens: int = 0
    _capacity: int = 0
    _paused: float = 0.0
    _started: float = field(default_factory=time.monotonic)
    _window: deque[_Mark] = field(default_factory=lambda: deque(maxlen=WINDOW_STEPS + 1))

    def __post_init__(self) -> None:
        """Nothing is done yet."""
        self.step = self.first
        self._window.append(_Mark(self._clock()))

    def add(self, report: StepReport) -> None:
        """One more step."""
        work = self.count_work(report.planned) if self.count_work and report.planned else StepWork(0, 0.0)
        last = self._window[-1]
        self._window.append(_Mark(
            self._clock(), last.examples + report.examples, last.tokens + report.tokens, last.flops + work.flops
        ))  # fmt: skip
        self.step = report.step
        if work.capacity:
            self._tokens += report.tokens
            self._capacity += work.capacity
        rates = report.learning_rate
        self.rates = rates if isinstance(rates, dict) else {"": rates}
        for phase, seconds in report.seconds.items():
            if phase != "checkpoint":  # that is counted where the steps pause for it
                self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds
        self.skipped += report.skipped
        if report.loss == report.loss:  # of a skipped step it may be NaN
            self._losses.append(report.loss)
            self.loss = sum(self._losses) / len(self._losses)
            self.curve.add(report.loss)

    def remember(self, rows: Iterable[dict[str, Any]]) -> None:
        """Take up what a run that goes on has logged before.

        Args:
            rows: of metrics.jsonl.
        """
        for row in rows:
            if row.get("loss") is not None:
                self.loss = float(row["loss"])
                self.curve.add(self.loss)
            self.skipped += int(row.get("skipped") or 0)
            if row.get("validation"):
                self.validated(row["validation"])

    def validated(self, figures: dict[str, Any]) -> None:
        """Keep what a validation says of reliance and preference."""
        modalities = figures.get("modalities", {})
        known = {name: seen.get("reliance") for name, seen in modalities.items()}
        self.reliance = {name: value for name, value in known.items() if value is not None}
        free = {name: seen.get("preference") for name, seen in modalities.items() if name not in self.reliance}
        self.preference = {name: value for name, value in free.items() if value is not None}

    @contextmanager
    def pause(self, what: str) -> Iterator[None]:
        """Time that is spent on something else than steps."""
        before = time.monotonic()
        try:
            yield
        finally:
            spent = time.monotonic() - before
            self._paused += spent
            self.seconds[what] = self.seconds.get(what, 0.0) + spent

    @property
    def loss_steps(self) -> int:
        """Steps of which `loss` is the mean; those that were skipped do not count."""
        return len(self._losses)

    @property
    def examples_per_second(self) -> float:
        """Of the last steps, over all ranks."""
        return self._rate("examples")

    @property
    def tokens_per_second(self) -> float:
        """Of the last steps, over all ranks."""
        return self._rate("tokens")

    @property
    def mfu(self) -> float | None:
        """Share of what the devices can do at most, 0 to 1; None where that is not known."""
        flops = self._rate("flops")
        return flops / (self.peak * self.ranks) if self.peak and flops else None

    @property
    def padding(self) -> float | None:
        """Share of padding so far, 0 to 1, by the contract's formula; None without a plan to count it from."""
        return 1 - self._tokens / self._capacity if self._capacity else None

    @property
    def seconds_left(self) -> float | None:
        """Until the end, at the pace of the last steps, pauses included at their share so far."""
        done = len(self._window) - 1
        if not done:
            return None
        active = (self._window[-1].clock - self._window[0].clock) / done
        spent = max(time.monotonic() - self._started, 1e-9)
        return active * (self.total - self.step) * spent / max(spent - self._paused, 1e-9)

    @property
    def seconds_spent(self) -> float:
        """Since this process began to train."""
        return time.monotonic() - self._started

    @property
    def time_shares(self) -> dict[str, float]:
        """Share of each phase in the time that was measured, 0 to 1, largest first."""
        spent = dict(self.seconds)  # a copy: the lines are drawn by another thread than the one that trains
        total = sum(spent.values())
        shares = {phase: seconds / total for phase, seconds in spent.items()} if total else {}
        return dict(sorted(shares.items(), key=lambda item: -item[1]))

    def _clock(self) -> float:
        return time.monotonic() - self._paused

    def _rate(self, name: str) -> float:
        first, last = self._window[0], self._window[-1]
        return float(getattr(last, name) - getattr(first, name)) / max(last.clock - first.clock, 1e-9)
