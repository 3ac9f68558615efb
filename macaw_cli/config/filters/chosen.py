"""`dataset.filters:` a list of filters, each by its name alone or with its options."""

from typing import TYPE_CHECKING

from macaw_cli.config.filters.answer_in_question import AnswerInQuestionSettings
from macaw_cli.config.filters.caption_words import CaptionWordsSettings
from macaw_cli.config.filters.duplicates import DuplicatesSettings
from macaw_cli.config.filters.length import LengthSettings
from macaw_cli.config.filters.refusals import RefusalsSettings
from macaw_cli.config.filters.table import TABLE, FilterSettings
from macaw_cli.config.named_lists import KEY, VariantForm, each_once, list_of
from macaw_cli.config.setting_types import TAG

_FORM = VariantForm(KEY, {name: row.settings for name, row in TABLE.items()})
FILTER_FORMS = {f"{TAG}{name}": kind for name, kind in _FORM.variants.items()}
"""Tag to the settings that it stands for."""
FOR_GENERATED: tuple[FilterSettings, ...] = (
    LengthSettings(),
    RefusalsSettings(),
    CaptionWordsSettings(negations=False),
    AnswerInQuestionSettings(),
    DuplicatesSettings(),
)
"""Cheap ones that examples of a language model have to pass unless others are chosen."""

if TYPE_CHECKING:  # what a union of the table's rows is to mypy
    AnyFilters = tuple[FilterSettings, ...]
else:  # what a filter removed is counted under its name, and its options stand there, so that a name stands once
    AnyFilters = list_of(_FORM, TAG, each_once("filter"))
    """A list of filters as it may be written."""
