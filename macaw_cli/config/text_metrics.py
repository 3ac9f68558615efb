"""The names of text metrics; the functions are in `evaluation/metrics/registry.py`."""

from typing import Literal

TextMetric = Literal[
    "exact_match", "token_f1", "rouge_l", "wer", "cer", "bleu", "cider", "mae", "crps", "missing_rate"
]
