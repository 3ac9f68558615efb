"""`dataset.filters:` a list of filters, each by its name alone or with its options."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag

from macaw_cli.config.filters.answer_in_question import AnswerInQuestionSettings
from macaw_cli.config.filters.caption_words import CaptionWordsSettings
from macaw_cli.config.filters.duplicates import DuplicatesSettings
from macaw_cli.config.filters.length import LengthSettings
from macaw_cli.config.filters.refusals import RefusalsSettings
from macaw_cli.config.filters.table import TABLE, FilterSettings
from macaw_cli.config.named_designs import require_design
from macaw_cli.config.setting_types import TAG, ShortForm

FILTER_FORMS = {f"{TAG}{name}": row.settings for name, row in TABLE.items()}
"""Tag to the settings that it stands for."""
FOR_GENERATED: tuple[FilterSettings, ...] = (
    LengthSettings(),
    RefusalsSettings(),
    CaptionWordsSettings(negations=False),
    AnswerInQuestionSettings(),
    DuplicatesSettings(),
)
"""Cheap ones that examples of a language model have to pass unless others are chosen."""


class FilterForm(ShortForm):
    """A filter given by its name alone; a name that no filter has is refused."""

    def __call__(self, value: Any) -> Any:
        """The section, as plain values."""
        section = super().__call__(value)
        if not isinstance(section, tuple(row.settings for row in TABLE.values())):
            require_design(section.get("name") if isinstance(section, Mapping) else section, TABLE)
        return section


def _tag(value: Any) -> str:
    name = value.get("name") if isinstance(value, Mapping) else getattr(value, "name", "")
    return f"{TAG}{name}"


def _listed(value: Any) -> Any:
    """One filter may stand without the brackets."""
    return (value,) if isinstance(value, str | Mapping) else value


def _each_once(chosen: tuple[FilterSettings, ...]) -> tuple[FilterSettings, ...]:
    """What a filter removed is counted under its name, and its options stand there, so that a name stands once."""
    names = [one.name for one in chosen]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"names the filter {twice[0]} twice")
    return chosen


if TYPE_CHECKING:  # what a union of the table's rows is to mypy
    AnyFilters = tuple[FilterSettings, ...]
else:
    _TAGGED = tuple(Annotated[kind, Tag(tag)] for tag, kind in FILTER_FORMS.items())
    _FILTER = Annotated[Union[_TAGGED], Discriminator(_tag), FilterForm("name").validator()]  # noqa: UP007
    AnyFilters = Annotated[tuple[_FILTER, ...], BeforeValidator(_listed), AfterValidator(_each_once)]
    """A list of filters as it may be written."""
