"""What is counted between two rows of metrics.jsonl."""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

from macaw_cli.reports.figures import TRAINING_PHASES


def _no_seconds() -> dict[str, float]:
    return dict.fromkeys(TRAINING_PHASES, 0.0)


@dataclass
class Meter:
    """Sums since the last row; kept in checkpoints, so that the row after a resume is the same."""

    steps: float = 0.0
    """Steps that changed the weights."""
    skipped: float = 0.0
    """Skipped steps, whose loss or gradients were NaN or infinite."""
    loss_sum: float = 0.0
    part_sums: dict[str, float] = field(default_factory=dict)
    """Of the losses that a stage's loss is the sum of, where they are told one by one."""
    gradient_norm_sum: float = 0.0
    gradient_norm_sums: dict[str, float] = field(default_factory=dict)
    """Per group of parameters."""
    examples: float = 0.0
    swapped: float = 0.0
    """Examples with another example's media."""
    tokens: float = 0.0
    capacity: float = 0.0
    """Ranks x tokens of the rank with the most, see `epoch_plan.capacity`."""
    seconds: dict[str, float] = field(default_factory=_no_seconds)
    batches: str = ""
    """Hash over everything that was read, see `add_batches`."""

    def add(
        self, *, loss: float, gradient_norm: float, gradient_norms: Mapping[str, float],
        parts: Mapping[str, float] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        """Count one optimizer step that changed the weights."""
        self.steps += 1
        for name, part in parts.items():
            self.part_sums[name] = self.part_sums.get(name, 0.0) + part
        self.loss_sum += loss
        self.gradient_norm_sum += gradient_norm
        for group, norm in gradient_norms.items():
            self.gradient_norm_sums[group] = self.gradient_norm_sums.get(group, 0.0) + norm

    def add_seconds(self, seconds: Mapping[str, float]) -> None:
        """Count the time of some phases."""
        for phase, spent in seconds.items():
            self.seconds[phase] = self.seconds.get(phase, 0.0) + spent

    def add_batches(
        self, digests: Iterable[int], *, examples: int, tokens: int, capacity: int = 0, swapped: int = 0
    ) -> None:
        """Count what one step has read: the digests of its sequences, in the order of the plan."""
        self.examples += examples
        self.swapped += swapped
        self.tokens += tokens
        self.capacity += capacity
        for digest in digests:
            self.batches = hashlib.sha256(f"{self.batches} {digest:x}".encode()).hexdigest()[:16]

    def row(self, step: int, stage: str, learning_rates: Mapping[str, float]) -> dict[str, Any]:
        """The row of metrics.jsonl: means over its steps; counts and seconds are sums.

        Args:
            step: steps of the run done so far.
            stage: name of the stage, empty where there is only one.
            learning_rates: of the last step, per group of parameters.
        """
        steps = self.steps or math.nan
        return {
            "step": step,
            **({"stage": stage} if stage else {}),
            "loss": _number(self.loss_sum / steps),
            **({"losses": {name: total / steps for name, total in self.part_sums.items()}} if self.part_sums else {}),
            "learning_rate": max(learning_rates.values()),
            "learning_rates": dict(learning_rates),
            "gradient_norm": _number(self.gradient_norm_sum / steps),
            "gradient_norms": {group: _number(total / steps) for group, total in self.gradient_norm_sums.items()},
            "skipped": int(self.skipped),
            "examples": int(self.examples),
            **({"swapped": int(self.swapped)} if self.swapped else {}),
            "tokens": int(self.tokens),
            **({"padding": round(1 - self.tokens / self.capacity, 5)} if self.capacity else {}),
            "batch_hash": self.batches,
            "seconds": {phase: round(spent, 4) for phase, spent in self.seconds.items()},
        }

    def sums(self) -> dict[str, Any]:
        """Everything, as JSON."""
        return asdict(self)


def _number(value: float) -> float | None:
    """The value, or None where there is none: JSON has no word for it."""
    return None if math.isnan(value) else value
