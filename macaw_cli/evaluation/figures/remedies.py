"""What to try first where a model does not use its media, derived from how it was trained."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from macaw_cli.config.training_settings import ENOUGH_STEPS, LEARNING_RATES

MOST_REMEDIES = 3
LOW_BRIDGE_RATE = 3e-4
"""A new bridge learns slowly below it, whatever the LLM's own learning rate is."""
FEW_EXAMPLES = 300
MOSTLY_PADDING = 0.5
STILL_FALLING = 0.05
"""Share by which the loss fell from the last but one fifth of the logged rows to the last fifth."""
ROWS_FOR_A_TREND = 10
ANSWERABLE = 0.9
"""Retention from which the questions count as answerable without their media."""


@dataclass(frozen=True)
class Circumstances:
    """What is known of a training.

    Args:
        steps: optimizer steps.
        bridge_trained: whether the bridge was trained in any of them.
        bridge_learning_rate: its highest learning rate; None where that is not known.
        losses: training loss of every logged row, in order.
        examples: modality, such as `image` or `image+audio`, to its number of training examples.
        padding: modality to the share of its features that stands for nothing (silence behind the end), 0 to 1.
        stages: of the training's recipe, as plain values: what they set themselves must be changed there.
    """

    steps: int
    bridge_trained: bool = True
    bridge_learning_rate: float | None = None
    losses: tuple[float, ...] = ()
    examples: Mapping[str, int] = field(default_factory=dict)
    padding: Mapping[str, float] = field(default_factory=dict)
    stages: Sequence[Mapping[str, Any]] = ()

    def setting(self, key: str) -> str:
        """A key of the training as a message names it: with the stages that have a value of their own.

        Args:
            key: below `training`, such as `groups.bridge.learning_rate`.
        """
        own = [f"`{stage['name']}`" for stage in self.stages if _value(stage, key) is not None]
        if not own:
            return f"training.{key}"
        places = f"{key} of the stage{'s' if len(own) > 1 else ''} {' and '.join(own)}"
        return places if len(own) == len(self.stages) else f"training.{key} and {places}"

    @property
    def fall_of_the_loss(self) -> float:
        """Share by which the loss fell over the last fifth of the training; 0 where that cannot be told."""
        if len(self.losses) < ROWS_FOR_A_TREND:
            return 0.0
        fifth = len(self.losses) // 5
        before, last = fmean(self.losses[-2 * fifth : -fifth]), fmean(self.losses[-fifth:])
        return (before - last) / before if before > 0 else 0.0


def circumstances_of(
    rows: Sequence[Mapping[str, Any]],
    examples: Mapping[str, int],
    padding: Mapping[str, float],
    stages: Sequence[Mapping[str, Any]] = (),
    peak: float | None = None,
) -> Circumstances:
    """What a run's log tells of its training.

    Args:
        rows: of metrics.jsonl.
        examples: modality to its number of training examples.
        padding: as in `Circumstances`.
        stages: as in `Circumstances`.
        peak: learning rate of the bridge that the settings name. Short trainings log few steps, where it has fallen.
    """
    trained = [row for row in rows if row.get("loss") is not None]
    logged = [row["learning_rates"] for row in trained if isinstance(row.get("learning_rates"), dict)]
    rates = [rate for groups in logged for group, rate in groups.items() if group.split()[0] == "bridge"]
    return Circumstances(
        steps=max((int(row["step"]) for row in rows), default=0),
        bridge_trained=bool(rates) or not logged,
        bridge_learning_rate=peak if peak is not None else max(rates, default=None),
        losses=tuple(float(row["loss"]) for row in trained),
        examples=dict(examples),
        padding=dict(padding),
        stages=tuple(stages),
    )


def likeliest_remedies(
    modality: str, category: str, measured: Mapping[str, Any], known: Circumstances | None
) -> list[str]:
    """At most three things to try, the likeliest first; none for a model that uses its media.

    Args:
        modality: whose verdict it is.
        category: of the verdict.
        measured: the modality's figures.
        known: how the model was trained; None for a model that is not part of a run.
    """
    if category == "used":
        return []
    if category == "unknown":
        return ["Hold out more questions (dataset.val_fraction), or ask more of them (evaluation.limit, "
                "training.evaluate_examples)."]  # fmt: skip
    found = [*(_of_the_training(modality, known) if known else ()), *_of_the_questions(modality, measured)]
    return found[:MOST_REMEDIES] or [
        f"Check that the answers belong to their media (macaw inspect FEATURES --html), and try another bridge "
        f"or encoder for {modality}."
    ]


def _of_the_training(modality: str, known: Circumstances) -> Iterator[str]:
    if not known.bridge_trained:
        yield f"The bridge was not trained: add `bridge` to {known.setting('train')}."
    if known.steps < ENOUGH_STEPS:
        smaller = ", ".join(known.setting(key) for key in ("global_batch_size", "sequence_length"))
        yield (f"There were only {known.steps} optimizer steps: raise {known.setting('epochs')}, or make the steps "
               f"smaller ({smaller}) to reach {ENOUGH_STEPS} or more.")  # fmt: skip
    rate = known.bridge_learning_rate
    if rate is not None and rate < LOW_BRIDGE_RATE:
        yield (f"The learning rate of the bridge was at most {rate:.3g}, below {LOW_BRIDGE_RATE:.3g}: set "
               f"{known.setting('groups.bridge.learning_rate')} to {LEARNING_RATES['bridge']:g}.")  # fmt: skip
    padding = max((known.padding.get(name, 0.0) for name in modality.split("+")), default=0.0)
    if padding > MOSTLY_PADDING:
        yield f"{padding:.0%} of the audio features are padding beyond the end of the audio: set views.audio.trim=true."
    if known.fall_of_the_loss > STILL_FALLING:
        yield (f"The training loss was still falling at the end (by {known.fall_of_the_loss:.0%} over the last fifth): "
               f"raise {known.setting('epochs')}.")  # fmt: skip
    count = known.examples.get(modality)
    if count is not None and count < FEW_EXAMPLES:
        yield f"There were only {count} training examples with {modality}: add more ({FEW_EXAMPLES} or more)."


def _value(stage: Mapping[str, Any], key: str) -> Any:
    """What a stage says of a dotted key; None where it leaves it to the training."""
    found: Any = stage
    for name in key.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _of_the_questions(modality: str, measured: Mapping[str, Any]) -> Iterator[str]:
    retention, real, chance = (measured.get(name) for name in ("retention", "real", "chance"))
    if retention is not None and retention >= ANSWERABLE and (chance is None or real > chance + 0.1):
        yield (f"The questions can be answered without their {modality} (accuracy {measured['none']:.2f} without, "
               f"{real:.2f} with it): ask questions that cannot be answered without the media.")  # fmt: skip
