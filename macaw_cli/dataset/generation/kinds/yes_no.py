"""`yes-no`: questions answered with yes or no, half of them no, so that a model learns no bias to agree."""

import re

from macaw_cli.dataset.generation.kinds.kind import ExampleKind
from macaw_cli.dataset.generation.pair import Pair

_ANSWER = re.compile(r"\s*(yes|no)\b", re.IGNORECASE)


def answer_side(answer: str) -> str:
    """`yes` or `no`, by the first word of an answer; empty for any other answer."""
    found = _ANSWER.match(answer)
    return found[1].lower() if found else ""


def _side(pair: Pair) -> str:
    return answer_side(pair.answer)


def _fault(pair: Pair) -> str:
    return "" if _side(pair) else "the answer begins with neither yes nor no"


YES_NO = ExampleKind(
    "yes-no",
    "Write {pairs} questions about this {medium} that are answered with yes or no. For half of them the right answer "
    "is no: ask about something that could well be there but is not. Each answer begins with the word Yes or No in "
    "English and ends after at most one short sentence.",
    fault=_fault,
    side=_side,
    sides=("yes", "no"),
)
