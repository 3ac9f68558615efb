"""Every expert that turns media into text.

An expert is a file of settings in this folder, a file in `macaw_cli/experts/` and a row of `TABLE`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from macaw_cli.config.design_entries import Design
from macaw_cli.config.experts.nearest_caption import NearestCaptionSettings
from macaw_cli.config.experts.numbers import NumbersSettings
from macaw_cli.config.experts.tags import TagsSettings
from macaw_cli.config.experts.transcript import TranscriptSettings
from macaw_cli.modalities.table import Modality


@dataclass(frozen=True)
class ExpertEntry:
    """One row of the table.

    Attributes:
        settings: a frozen dataclass whose field `name` has the expert's name as default; imports neither numpy nor
            torch.
        place: `module:class` of the expert, imported on use; see `macaw_cli.experts.expert`.
        modalities: what it describes.
        at_inference: whether it can describe a medium that is attached in a chat; else only those of a dataset.
    """

    settings: type[Design]
    place: str
    modalities: tuple[Modality, ...]
    at_inference: bool = True

    @property
    def name(self) -> str:
        """Name of the expert, as it stands in `dataset.experts`."""
        return str(self.settings.__dataclass_fields__["name"].default)


_ROWS = (
    ExpertEntry(TranscriptSettings, "macaw_cli.experts.transcript:TranscriptExpert", ("audio",)),
    ExpertEntry(TagsSettings, "macaw_cli.experts.tags:TagsExpert", ("image", "video")),
    ExpertEntry(
        NearestCaptionSettings, "macaw_cli.experts.nearest_caption:NearestCaptionExpert", ("image", "audio", "video"),
        at_inference=False,
    ),
    ExpertEntry(NumbersSettings, "macaw_cli.experts.numbers:NumbersExpert", ("series",)),
)  # fmt: skip
TABLE: Mapping[str, ExpertEntry] = MappingProxyType({row.name: row for row in _ROWS})
"""Name to row."""
