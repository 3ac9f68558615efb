"""Every filter of conversations.

A filter is a file of settings in this folder, a file in `dataset/filters/` and a row of `TABLE`.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

from macaw_cli.config.filters.answer_in_question import AnswerInQuestionSettings
from macaw_cli.config.filters.blind_answerable import BlindAnswerableSettings
from macaw_cli.config.filters.caption_words import CaptionWordsSettings
from macaw_cli.config.filters.duplicates import DuplicatesSettings
from macaw_cli.config.filters.grounded import GroundedSettings
from macaw_cli.config.filters.judge import JudgeSettings
from macaw_cli.config.filters.language import LanguageSettings
from macaw_cli.config.filters.length import LengthSettings
from macaw_cli.config.filters.near_duplicates import NearDuplicatesSettings
from macaw_cli.config.filters.refusals import RefusalsSettings
from macaw_cli.config.filters.yes_no_balance import YesNoBalanceSettings


class FilterSettings(Protocol):
    """Settings of one filter: a frozen dataclass whose field `name` has the filter's name as default."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def name(self) -> str:
        """Name of the filter."""


@dataclass(frozen=True)
class FilterEntry:
    """One row of the table.

    Attributes:
        settings: a frozen dataclass, see `FilterSettings`, whose module imports neither numpy nor torch.
        place: `module:class` of the filter, imported on use; see `macaw_cli.dataset.filters.filter`.
    """

    settings: type[FilterSettings]
    place: str

    @property
    def name(self) -> str:
        """Name of the filter, as it stands in `dataset.filters`."""
        return str(self.settings.__dataclass_fields__["name"].default)


_ROWS = (
    FilterEntry(LengthSettings, "macaw_cli.dataset.filters.length:LengthFilter"),
    FilterEntry(LanguageSettings, "macaw_cli.dataset.filters.language:LanguageFilter"),
    FilterEntry(RefusalsSettings, "macaw_cli.dataset.filters.refusals:RefusalsFilter"),
    FilterEntry(CaptionWordsSettings, "macaw_cli.dataset.filters.caption_words:CaptionWordsFilter"),
    FilterEntry(AnswerInQuestionSettings, "macaw_cli.dataset.filters.answer_in_question:AnswerInQuestionFilter"),
    FilterEntry(DuplicatesSettings, "macaw_cli.dataset.filters.duplicates:DuplicatesFilter"),
    FilterEntry(NearDuplicatesSettings, "macaw_cli.dataset.filters.near_duplicates:NearDuplicatesFilter"),
    FilterEntry(GroundedSettings, "macaw_cli.dataset.filters.grounded:GroundedFilter"),
    FilterEntry(YesNoBalanceSettings, "macaw_cli.dataset.filters.yes_no_balance:YesNoBalanceFilter"),
    FilterEntry(BlindAnswerableSettings, "macaw_cli.dataset.filters.blind_answerable:BlindAnswerableFilter"),
    FilterEntry(JudgeSettings, "macaw_cli.dataset.filters.judge:JudgeFilter"),
)
TABLE: Mapping[str, FilterEntry] = MappingProxyType({row.name: row for row in _ROWS})
"""Name to row."""
