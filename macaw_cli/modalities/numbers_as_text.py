"""Series of numbers as digits, and back: LLMTIME's serialiser for any base.

Source: LLMTIME (arXiv 2310.07820, section 3 and appendix A); base 100 and 1000 are the larger vocabulary that the
survey of large models for time series asks for. Pure functions: what a prompt, an answer and a metric share.

Values are scaled first (`scaling_of`), then written with a fixed number of digits behind the point, without the point
and without leading zeros, each step followed by a separator. What is cut off is less than one unit of the last digit;
reading adds half of it.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

_BASES = (10, 100, 1000)
_MINUS = "\N{MINUS SIGN}"
_NUMBER = re.compile(rf"(?<![\w.])[-+{_MINUS}]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{{1,3}})?(?!\w|\.\d)", re.ASCII)
_SMALLEST_UNIT = 0.01


@dataclass(frozen=True, kw_only=True)
class DigitStyle:
    """How numbers are written. The defaults are LLMTIME's for LLaMA, whose tokenizer splits numbers into digits.

    Attributes:
        base: 10, 100 or 1000: how many values a digit has. Without `digit_separator`, digits of a larger base are
            written with leading zeros, all but the first of a number.
        precision: digits behind the point.
        digit_separator: between the digits of a number; a space for tokenizers that would join digits (GPT-3).
        step_separator: after each number.
        minus: before a negative number.
        missing: stands for NaN.

    Raises:
        ValueError: another base, a negative precision, or marks that cannot be told apart.
    """

    base: int = 10
    precision: int = 3
    digit_separator: str = ""
    step_separator: str = ","
    minus: str = "-"
    missing: str = "Nan"

    def __post_init__(self) -> None:
        """Refuse what could not be read back."""
        if self.base not in _BASES or self.precision < 0:
            raise ValueError(f"base must be one of {_BASES} and precision 0 or more: {self.base}, {self.precision}")
        marks = (self.step_separator, self.minus, self.missing)
        if "" in marks or len(set(marks)) < len(marks) or self.digit_separator in marks:
            raise ValueError(f"separators, minus and missing must differ and only digit_separator may be empty: {self}")
        if any(mark in other for mark in (self.step_separator,) for other in (self.digit_separator, *marks[1:])):
            raise ValueError(f"step_separator {self.step_separator!r} stands within another mark")

    @property
    def width(self) -> int:
        """Decimal places of one digit: 1, 2 or 3."""
        return _BASES.index(self.base) + 1

    @property
    def bin(self) -> float:
        """What the last digit counts, in scaled units."""
        return float(self.base) ** -self.precision


@dataclass(frozen=True)
class Scaling:
    """`(x - offset) / unit`."""

    offset: float
    unit: float

    def scaled(self, values: Iterable[float]) -> list[float]:
        """Values in the units that are written."""
        return [(value - self.offset) / self.unit for value in values]

    def restored(self, values: Iterable[float]) -> list[float]:
        """Written units as values."""
        return [value * self.unit + self.offset for value in values]


def scaling_of(history: Iterable[float], alpha: float = 0.99, beta: float = 0.3, *, basic: bool = False) -> Scaling:
    """The scaling of a series, from its past alone.

    Args:
        history: what is known of the series; NaN counts as absent.
        alpha: this quantile of the shifted history is written as 1.
        beta: the least value is brought this share of the range above 0, as room for values below it.
        basic: no offset: the unit is the quantile of |x|, at least 0.01. For signed values.

    Raises:
        ValueError: the history holds only NaN, or something infinite.
    """
    known = [float(value) for value in history if not math.isnan(value)]
    if not known or not all(map(math.isfinite, known)):
        raise ValueError("a scaling needs finite numbers")
    if basic:
        return Scaling(0.0, max(_quantile(map(abs, known), alpha), _SMALLEST_UNIT))
    offset = min(known) - beta * (max(known) - min(known))
    return Scaling(offset, _quantile((value - offset for value in known), alpha) or 1.0)


def digits_of(values: Iterable[float], style: DigitStyle | None = None) -> str:
    """Scaled values as text, a separator after each: `[0.5, 1.25]` is `"500,1250,"`.

    Raises:
        ValueError: a value is infinite.
    """
    style = style or DigitStyle()
    return "".join(_written(float(value), style) + style.step_separator for value in values)


def values_of(text: str, style: DigitStyle | None = None) -> list[float]:
    """The scaled values that a text begins with: the inverse of `digits_of`, up to half a unit of the last digit.

    A text that an LLM wrote may end amid a number, or go on with something else. Only what stands before a separator
    counts, up to the first step that cannot be read. NaN where a value is missing.
    """
    style = style or DigitStyle()
    values: list[float] = []
    for step in text.split(style.step_separator)[:-1]:
        value = _read(step.strip(), style)
        if value is None:
            break
        values.append(value)
    return values


def numbers_in(text: str) -> list[float]:
    """The decimal numbers in ordinary text, in order: `"from 1.5 to -2e3"` is `[1.5, -2000.0]`.

    Digits within a word are none, nor are parts of a version such as 1.2.3. `3-5` is a range: 3 and 5.
    """
    found = (float(match.group().replace(_MINUS, "-")) for match in _NUMBER.finditer(text))
    return [value for value in found if math.isfinite(value)]


def nats_per_step(log_probability: float, steps: int, style: DigitStyle, scaling: Scaling) -> float:
    """The negative log density of a series per step, from the log-probability of its digits.

    Within its bin, a value is taken as uniform: -log p(x) = -log P(digits) - precision ln(base) + ln(unit).

    Args:
        log_probability: of all digits and separators of the steps, in nats.
        steps: how many there are.
        style: in which they are written.
        scaling: with which they were scaled.
    """
    return -log_probability / steps - style.precision * math.log(style.base) + math.log(scaling.unit)


def _written(value: float, style: DigitStyle) -> str:
    if math.isnan(value):
        return style.missing
    if math.isinf(value):
        raise ValueError("an infinite number cannot be written as digits")
    # By way of the shortest decimal form: 0.57 * 100 is 56.99... in binary.
    rest = int(abs(Decimal(repr(value))) * style.base**style.precision)
    sign = style.minus if value < 0 else ""
    digits = [rest % style.base]
    while rest := rest // style.base:
        digits.append(rest % style.base)
    first, *others = reversed(digits)
    padded = 0 if style.digit_separator else style.width
    return sign + style.digit_separator.join([str(first), *(f"{digit:0{padded}d}" for digit in others)])


def _read(step: str, style: DigitStyle) -> float | None:
    if step == style.missing:
        return math.nan
    negative = step.startswith(style.minus)
    digits = _digits(step.removeprefix(style.minus).strip() if negative else step, style)
    if digits is None:
        return None
    whole = 0
    for digit in digits:
        whole = whole * style.base + digit
    value = (whole + 0.5) * style.bin
    return -value if negative else value


def _digits(text: str, style: DigitStyle) -> list[int] | None:
    """The digits of one number without its sign; None where others stand between them."""
    if style.digit_separator:
        parts = text.split(style.digit_separator)
    else:
        first = len(text) % style.width or style.width
        parts = [text[:first], *(text[at : at + style.width] for at in range(first, len(text), style.width))]
    if not all(part.isascii() and part.isdigit() and len(part) <= style.width for part in parts):
        return None
    return [int(part) for part in parts]


def _quantile(values: Iterable[float], share: float) -> float:
    """By linear interpolation between the sorted values, as numpy's default."""
    ordered: Sequence[float] = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
