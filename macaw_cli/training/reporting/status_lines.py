"""The facts of a training as three lines that fit the terminal, or as one plain line for a pipe."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from macaw_cli.basics.disk import human_bytes
from macaw_cli.reports.sparkline import BLOCKS, loss_line
from macaw_cli.reports.wording import duration
from macaw_cli.training.reporting.facts import TrainingFacts

GAP = "  "
SHORTEST_CURVE, LONGEST_CURVE = 6, 40
PHASES_SHOWN = 5
SMALLEST_SHARE = 0.005
"""Phases below half a percent say nothing."""


@dataclass(frozen=True)
class Field:
    """One thing to say, and how soon it gives way where the line is narrow: the highest number first."""

    text: str
    gives_way: int = 0
    style: str = ""
    """Style of rich."""


def status_fields(facts: TrainingFacts, memory: int, width: int, levels: str = BLOCKS) -> list[list[Field]]:
    """Three lines of fields that fit into `width` columns.

    Args:
        facts: what is known.
        memory: peak bytes.
        width: columns of the terminal.
        levels: letters of the loss curve, from low to high.
    """
    lines = [_progress(facts), _speed(facts, memory), _insight(facts)]
    fitted = [_fitting(line, width) for line in lines]
    room = min(width - _length(fitted[0]) - len(GAP), LONGEST_CURVE)
    if room >= SHORTEST_CURVE and facts.loss is not None:
        fitted[0].append(Field(loss_line(facts.curve.points(), room, levels), style="cyan"))
    return [line for line in fitted if line]


def plain_line(facts: TrainingFacts, memory: int) -> str:
    """Everything in one line, for logs."""
    return GAP.join(field.text for field in [*_progress(facts), *_speed(facts, memory), *_insight(facts)])


def _progress(facts: TrainingFacts) -> list[Field]:
    left = facts.seconds_left
    time = f"{duration(left)} left" if left is not None else ""
    if facts.ended or facts.step >= facts.total:
        time = f"took {duration(facts.seconds_spent)}"
    fields = [
        Field(f"step {facts.step}/{facts.total}", style="bold"),
        Field(f"loss {facts.loss:.3f}" if facts.loss is not None else "", 1, "bold cyan"),
        Field(f"(mean of {facts.loss_steps} steps)" if facts.loss_steps > 1 else "", 4, "dim"),
        Field(time, 2),
        Field(facts.stage, 3, "magenta"),
    ]
    return _said(fields)


def _speed(facts: TrainingFacts, memory: int) -> list[Field]:
    fields = [
        Field(f"{_number(facts.examples_per_second)} examples/s" if facts.loss is not None else "", 1),
        Field(f"{_number(facts.tokens_per_second)} tokens/s" if facts.loss is not None else "", 2),
        Field(f"MFU {facts.mfu:.0%}" if facts.mfu is not None else "", 3),
        Field(f"lr {_rates(facts.rates)}" if facts.rates else "", 4),
        Field(human_bytes(memory), 5),
    ]
    return _said(fields)


def _insight(facts: TrainingFacts) -> list[Field]:
    shares = [(phase, share) for phase, share in facts.time_shares.items() if share >= SMALLEST_SHARE]
    reliance = " ".join(f"{modality} {value:+.2f}" for modality, value in facts.reliance.items())
    preference = " ".join(f"{modality} {value:.2f}" for modality, value in facts.preference.items())
    fields = [
        Field(f"{facts.skipped} skipped" if facts.skipped else "", 0, "bold red"),
        Field(f"reliance {reliance}" if reliance else "", 1, "green"),
        Field(f"preference {preference}" if preference else "", 1, "green"),
        Field(f"padding {facts.padding:.1%}" if facts.padding is not None else "", 2),
        *(
            Field(f"{phase} {share:.0%}", 3 + number, "dim")
            for number, (phase, share) in enumerate(shares[:PHASES_SHOWN])
        ),
    ]
    return _said(fields)


def _rates(rates: dict[str, float]) -> str:
    """One number where all groups have the same; groups without weight decay follow those with it."""
    different = {name.removesuffix(" (no decay)"): rate for name, rate in rates.items()}
    if len(set(different.values())) == 1:
        return f"{next(iter(different.values())):.1e}"
    return " ".join(f"{name} {rate:.1e}" for name, rate in different.items())


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or not math.isfinite(value) else f"{value:.2g}"


def _said(fields: Iterable[Field]) -> list[Field]:
    return [field for field in fields if field.text]


def _fitting(fields: list[Field], width: int) -> list[Field]:
    kept = list(fields)
    while len(kept) > 1 and _length(kept) > width:
        kept.remove(max(kept, key=lambda field: field.gives_way))
    return kept


def _length(fields: list[Field]) -> int:
    return sum(len(field.text) for field in fields) + len(GAP) * max(len(fields) - 1, 0)
