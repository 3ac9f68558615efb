"""Answers that can only be numbers: a logits processor that leaves the tokens which go on with one.

The tokens of a number are digits, a sign and a decimal point, possibly behind one space, and what ends an answer stands
only behind a digit. LLMTIME (Gruver et al. 2023, arXiv 2310.07820) restricts the logits in the same way.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

import torch
from transformers import LogitsProcessor

from macaw_cli.basics.errors import UsageError

ConstraintName = Literal["number", "integer"]
CONSTRAINTS: tuple[str, ...] = get_args(ConstraintName)
MOST_DIGITS = 18
"""Digits before the decimal point, and behind it; then the answer ends."""
_SPACES = "\u0120\u2581"
"""How tokenizers write a space inside a token: byte-level BPE, SentencePiece."""
_LETTERS = frozenset("0123456789+-. " + _SPACES)
_BEGIN, _START, _SIGN, _WHOLE, _POINT, _FRACTION = range(6)
State = tuple[int, int]
"""Part of the number, and digits in it."""


class NumberConstraint(LogitsProcessor):  # type: ignore[misc] # transformers has no types
    """Leaves the tokens with which an answer can be, or become, a number such as `-12.5`.

    Args:
        tokenizer: of the LLM.
        ends: tokens that end an answer.
        with_point: False leaves whole numbers.

    Raises:
        UsageError: the tokenizer has no tokens of digits, or nothing ends an answer.
    """

    def __init__(self, tokenizer: Any, ends: Iterable[int], *, with_point: bool = True) -> None:
        self._texts = _number_texts(tokenizer.get_vocab(), set(tokenizer.all_special_ids))
        self._ends, self._with_point = sorted(ends), with_point
        digits = {text for text in self._texts.values() if text.strip().isdigit()}
        if len({text.strip() for text in digits} & set("0123456789")) < 10 or not self._ends:
            raise UsageError(
                "The tokenizer of this LLM has no token for each digit, so answers cannot be kept to numbers.",
                "Leave the constraint out.",
            )
        self._allowed: dict[State, list[int]] = {}

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores with -inf for every other token.

        Args:
            input_ids: (1, n) tokens of the answer so far.
            scores: (1, V).
        """
        state: State | None = (_BEGIN, 0)
        for token in input_ids[0].tolist():
            state = None if state is None else self._after(state, self._texts.get(token, "?"))
        kept = [at for at in self._tokens(state or (_FRACTION, MOST_DIGITS)) if at < scores.shape[-1]]
        limited = torch.full_like(scores, -torch.inf)
        limited[:, kept] = scores[:, kept]
        return limited

    def _tokens(self, state: State) -> list[int]:
        if state not in self._allowed:
            found = [token for token, text in self._texts.items() if self._after(state, text) is not None]
            self._allowed[state] = [*found, *(self._ends if state[0] in (_WHOLE, _FRACTION) else ())]
        return self._allowed[state]

    def _after(self, state: State, text: str) -> State | None:
        """The state behind more text; None where no number goes on so."""
        part, count = state
        for letter in text:
            if letter == " " and part == _BEGIN:
                part = _START
            elif letter in "+-" and part in (_BEGIN, _START):
                part = _SIGN
            elif letter.isdigit() and count < MOST_DIGITS:
                part, count = (_FRACTION if part in (_POINT, _FRACTION) else _WHOLE), count + 1
            elif letter == "." and part == _WHOLE and self._with_point:
                part, count = _POINT, 0
            else:
                return None
        return part, count


def constraint_of(name: str, tokenizer: Any, ends: Iterable[int]) -> NumberConstraint:
    """The logits processor of a constraint; errors as of `NumberConstraint`."""
    return NumberConstraint(tokenizer, ends, with_point=name == "number")


def _number_texts(vocabulary: Mapping[str, int], special: Sequence[int] | set[int]) -> dict[int, str]:
    """Token to text, of those that can be part of a number."""
    spaces = str.maketrans(dict.fromkeys(_SPACES, " "))
    return {
        token: text.translate(spaces) for text, token in vocabulary.items()
        if text and _LETTERS.issuperset(text) and token not in special
    }  # fmt: skip
