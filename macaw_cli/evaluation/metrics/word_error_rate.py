"""Word error rate of transcripts."""

from collections.abc import Sequence

from macaw_cli.evaluation.metrics.normalising import spoken_pairs


def word_error_rate(pairs: Sequence[tuple[str, str]]) -> float:
    """Substitutions, deletions and insertions over all answers / words of all references; 0 is best, no upper bound.

    Source: Morris, Maier and Green 2004, "From WER and RIL to MER and WIL"; computed by `jiwer`.

    Args:
        pairs: reference and answer of each question; at least one.
    """
    import jiwer

    return float(jiwer.wer(*spoken_pairs(pairs)))
