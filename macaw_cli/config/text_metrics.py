"""The names of text metrics, and which of them count errors; the functions are in `evaluation/metrics/registry.py`."""

from typing import Literal

TextMetric = Literal[
    "exact_match", "token_f1", "rouge_l", "wer", "cer", "bleu", "cider", "mae", "crps", "missing_rate"
]
LOWER_IS_BETTER = frozenset({"wer", "cer", "mae", "crps", "missing_rate"})
"""Those that count errors."""
