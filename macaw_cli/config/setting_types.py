"""Forms in which a setting may be written, shared by the sections of the settings tree."""

from typing import Annotated

from pydantic import BeforeValidator


def named(key: str) -> BeforeValidator:
    """Let a section be given by its most important value alone: `bridge: linear` for `bridge: {name: linear}`."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


one_or_more = BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)
"""For a list of texts: one alone may stand without the brackets."""

Texts = Annotated[tuple[str, ...], one_or_more]
"""A list of texts; one alone may stand without the brackets."""
