"""Every text metric by its name, and which of them a kind of question gets."""

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from macaw_cli.config.evaluation_settings import MetricName
from macaw_cli.config.text_metrics import LOWER_IS_BETTER
from macaw_cli.evaluation.metrics.bleu import bleu
from macaw_cli.evaluation.metrics.character_error_rate import character_error_rate
from macaw_cli.evaluation.metrics.cider import mean_cider_d
from macaw_cli.evaluation.metrics.continuous_ranked_probability import continuous_ranked_probability
from macaw_cli.evaluation.metrics.exact_match import exact_match
from macaw_cli.evaluation.metrics.mean_absolute_error import mean_absolute_error
from macaw_cli.evaluation.metrics.missing_rate import missing_rate
from macaw_cli.evaluation.metrics.referenced import Referenced
from macaw_cli.evaluation.metrics.rouge_l import rouge_l
from macaw_cli.evaluation.metrics.several_references import best_references
from macaw_cli.evaluation.metrics.token_f1 import token_f1
from macaw_cli.evaluation.metrics.word_error_rate import word_error_rate

Metric = Callable[[Sequence[tuple[str, str]]], float]

METRICS: dict[str, Metric] = {
    "exact_match": exact_match,
    "token_f1": token_f1,
    "rouge_l": rouge_l,
    "wer": word_error_rate,
    "cer": character_error_rate,
    "bleu": lambda pairs: bleu(_alone(pairs)),
    "cider": lambda pairs: mean_cider_d(_alone(pairs)),
    "mae": mean_absolute_error,
    "crps": continuous_ranked_probability,
    "missing_rate": missing_rate,
}
"""Of answers with one reference each."""
OF_REFERENCES: dict[str, Callable[[Sequence[Referenced]], float]] = {"bleu": bleu, "cider": mean_cider_d}
"""Those that define what several references mean; for others the best reference of each answer counts."""
SAMPLED = "crps"
"""What is worth several samples of each answer."""
TRANSCRIPTS = (
    "transcribe", "transcript", "transcripts", "transcription", "transcriptions", "asr", "speech to text", "dictation",
)  # fmt: skip
"""Whole words in the name of a kind that make `auto` take it for transcripts."""
FORECASTS = ("forecast", "forecasts", "forecasting")
"""Likewise for forecasts."""
NO_LETTERS = re.compile(r"[\W\d_]+")


def metrics_of(kind: str, chosen: Mapping[str, MetricName]) -> tuple[str, ...]:
    """Names of the metrics of a kind, the most telling one first.

    Args:
        kind: name of the kind.
        chosen: pattern of kinds to metric, as `evaluation.metrics`; the first one that matches counts.
    """
    name = next((metric for pattern, metric in chosen.items() if fnmatchcase(kind.lower(), pattern.lower())), "auto")
    if name != "auto":
        return (name,)
    words = f" {NO_LETTERS.sub(' ', kind.lower())} "
    if any(f" {named} " in words for named in TRANSCRIPTS):
        return "wer", "cer"
    if any(f" {named} " in words for named in FORECASTS):
        return "mae", "crps", "missing_rate"
    return "token_f1", "rouge_l", "exact_match"


def measure_answers(metric: str, pairs: Sequence[tuple[str, str]]) -> float:
    """One metric, rounded to four decimals.

    Args:
        metric: its name.
        pairs: reference and answer of each question; at least one.
    """
    return round(METRICS[metric](pairs), 4)


def measure_references(metric: str, answered: Sequence[Referenced]) -> float:
    """One metric of answers with one reference or more, rounded to four decimals.

    Args:
        metric: its name.
        answered: references and answer of each question; at least one.
    """
    if metric in OF_REFERENCES:
        return round(OF_REFERENCES[metric](answered), 4)
    pairs = best_references(METRICS[metric], answered, lower_is_better=metric in LOWER_IS_BETTER)
    return measure_answers(metric, pairs)


def _alone(pairs: Sequence[tuple[str, str]]) -> list[Referenced]:
    return [Referenced((reference,), answer) for reference, answer in pairs]
