"""BLEU: n-grams of words in common, over all answers."""

from collections.abc import Sequence
from typing import Any

from macaw_cli.evaluation.metrics.referenced import Referenced


def bleu(answered: Sequence[Referenced]) -> float:
    """BLEU-4 over all answers, 0 to 1, computed by `sacrebleu` with its defaults: a hundredth of its figure.

    An answer shorter than four words has no n-gram of length four; if all are, BLEU is 0.

    Source: Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation"; words and smoothing
    of Post 2018 (arXiv 1804.08771), signature `nrefs|case:mixed|eff:no|tok:13a|smooth:exp`.

    Args:
        answered: answers with one reference or more; at least one.
    """
    import sacrebleu

    most = max(len(one.references) for one in answered)
    padded = [[*one.references, *[None] * (most - len(one.references))] for one in answered]
    streams: list[Any] = [list(stream) for stream in zip(*padded, strict=True)]
    return float(sacrebleu.corpus_bleu([one.answer for one in answered], streams).score) / 100
