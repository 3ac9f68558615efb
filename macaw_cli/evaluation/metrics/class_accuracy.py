"""Accuracy of a classification."""

from collections import defaultdict
from collections.abc import Sequence


def accuracy(pairs: Sequence[tuple[str, str]]) -> float:
    """Share of the examples whose predicted class is the right one, 0 to 1.

    Args:
        pairs: right and predicted class of each example, at least one.
    """
    return sum(right == predicted for right, predicted in pairs) / len(pairs)


def balanced_accuracy(pairs: Sequence[tuple[str, str]]) -> float:
    """Mean over the classes of the accuracy on their examples: a frequent class counts no more than a rare one.

    Source: Brodersen et al. 2010, "The Balanced Accuracy and Its Posterior Distribution", section II, for more than
    two classes.

    Args:
        pairs: right and predicted class of each example, at least one.
    """
    by_class: dict[str, list[bool]] = defaultdict(list)
    for right, predicted in pairs:
        by_class[right].append(right == predicted)
    return sum(sum(found) / len(found) for found in by_class.values()) / len(by_class)
