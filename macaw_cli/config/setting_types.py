"""Forms in which a setting may be written, shared by the sections of the settings tree."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator


@dataclass(frozen=True)
class ShortForm:
    """Turns a text into the section that it is short for."""

    key: str
    """The section's most important value."""

    def __call__(self, value: Any) -> Any:
        """A section as it stands, a text as a section with this one value."""
        return {self.key: value} if isinstance(value, str) else value


def named(key: str) -> BeforeValidator:
    """Let a section be given by its most important value alone: `bridge: linear` for `bridge: {name: linear}`."""
    return BeforeValidator(ShortForm(key))


def matching(pattern: str, words: str) -> AfterValidator:
    """Refuse a text that does not match a regular expression as a whole, in words.

    Args:
        pattern: the expression.
        words: what the text must be, such as "must be of letters and digits".
    """

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(words)
        return value

    return AfterValidator(check)


one_or_more = BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)
"""For a list of texts: one alone may stand without the brackets."""

Texts = Annotated[tuple[str, ...], one_or_more]
"""A list of texts; one alone may stand without the brackets."""
