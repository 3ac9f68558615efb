"""Character error rate of transcripts."""

from collections.abc import Sequence

from macaw_cli.evaluation.metrics.normalising import spoken_pairs


def character_error_rate(pairs: Sequence[tuple[str, str]]) -> float:
    """As the word error rate, of characters: also for languages that write no spaces between words.

    Source: Morris, Maier and Green 2004, "From WER and RIL to MER and WIL"; computed by `jiwer`.

    Args:
        pairs: reference and answer of each question; at least one.
    """
    import jiwer

    return float(jiwer.cer(*spoken_pairs(pairs)))
