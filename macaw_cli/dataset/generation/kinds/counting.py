"""`counting`: questions about how many there are, answered with a number."""

import re

from macaw_cli.dataset.generation.kinds.kind import ExampleKind
from macaw_cli.dataset.generation.pair import Pair

_DIGITS = re.compile(r"\d")


def _fault(pair: Pair) -> str:
    return "" if _DIGITS.search(pair.answer) else "the answer holds no number in digits"


COUNTING = ExampleKind(
    "counting",
    "Write up to {pairs} questions about how many objects, people, noises or events of one sort this {medium} has. "
    "Write the number in digits in each answer. Ask only where the number is certain; write fewer pairs, or none, if "
    "there is little to count.",
    most_pairs=5,
    fault=_fault,
)
