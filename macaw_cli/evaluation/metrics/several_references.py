"""Metrics of one reference applied to answers that have several of equal right."""

from collections.abc import Callable, Sequence

from macaw_cli.evaluation.metrics.referenced import Referenced


def best_references(
    metric: Callable[[Sequence[tuple[str, str]]], float], answered: Sequence[Referenced], *, lower_is_better: bool
) -> list[tuple[str, str]]:
    """Of each answer, the reference under which it is best, and the answer.

    A metric that is a mean over the answers becomes the mean of each answer's best value, as in the evaluation of
    SQuAD (Rajpurkar et al. 2016, section 6.1); an error rate becomes that of the whole corpus against the references
    that come closest.

    Args:
        metric: of pairs of reference and answer.
        answered: answers with one reference or more.
        lower_is_better: whether the metric counts errors.
    """
    best = min if lower_is_better else max
    return [
        (one.references[0] if len(one.references) == 1
         else best(one.references, key=lambda text: metric([(text, one.answer)])), one.answer)
        for one in answered
    ]  # fmt: skip
