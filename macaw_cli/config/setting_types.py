"""Forms in which a setting may be written, shared by the sections of the settings tree."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator

from macaw_cli.basics.shown_text import cut
from macaw_cli.modalities.table import MODALITIES

TAG = "variant:"
"""Begins the tags of a union; pydantic puts them among the keys of an error's place."""


@dataclass(frozen=True)
class ShortForm:
    """Turns a text into the section that it is short for."""

    key: str
    """The section's most important value."""

    def __call__(self, value: Any) -> Any:
        """A section as it stands, a text as a section with this one value."""
        return {self.key: value} if isinstance(value, str) else value

    def chosen(self, section: dict[str, Any], value: Any) -> dict[str, Any]:
        """The section with another value of the key."""
        return {**section, self.key: value}

    def validator(self) -> BeforeValidator:
        """The validator of a field that may be given in this form."""
        return BeforeValidator(self)


def named(key: str) -> BeforeValidator:
    """Let a section be given by its most important value alone: `bridge: linear` for `bridge: {name: linear}`."""
    return ShortForm(key).validator()


def section_classes(hint: Any) -> Iterator[type]:
    """The settings classes that a field's type names: itself, or the variants of a union.

    There is none for a section that may be `null`, which repeats the keys of another.
    """
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in {Union, UnionType}:
        if NoneType in get_args(hint):
            return
        for member in get_args(hint):
            yield from section_classes(member)
    elif is_dataclass(hint):
        yield hint  # type: ignore[misc]


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


def _of_modalities(value: dict[str, Any]) -> dict[str, Any]:
    if unknown := [name for name in value if name not in MODALITIES]:
        raise ValueError(f"its keys are {', '.join(MODALITIES)}; {cut(unknown[0])} is none of them")
    return value


per_modality = AfterValidator(_of_modalities)
"""For a mapping whose keys are modalities, of which any may be left out."""

one_or_more = BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)
"""For a list of texts: one alone may stand without the brackets."""

Texts = Annotated[tuple[str, ...], one_or_more]
"""A list of texts; one alone may stand without the brackets."""
