"""`export:` as it may be written: one of the formats, by its name alone or with its options."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Discriminator, Tag

from macaw_cli.config.exports.base import ExportSettings
from macaw_cli.config.exports.table import DEFAULT, FORMATS, KEY
from macaw_cli.config.named_designs import require_design
from macaw_cli.config.setting_types import TAG, ShortForm

_TAG = f"{TAG}export/"
EXPORT_FORMS = {f"{_TAG}{name}": kind for name, kind in FORMATS.items()}
"""Tag to the settings that it stands for."""
KEPT = "out"
"""What stays when another format is chosen."""


class ExportForm(ShortForm):
    """A format given by its name alone; a name that no format has is refused."""

    def __call__(self, value: Any) -> Any:
        """The section, as plain values."""
        section = super().__call__(value)
        if not isinstance(section, ExportSettings):
            require_design(section.get(KEY, DEFAULT) if isinstance(section, Mapping) else section, FORMATS, KEY)
        return section

    def chosen(self, section: dict[str, Any], value: Any) -> dict[str, Any]:
        """The section with another format, whose options start with their defaults; with the same, the section."""
        if section.get(KEY, DEFAULT) == value:
            return section
        return {KEY: value, **{name: one for name, one in section.items() if name == KEPT}}


def _tag(value: Any) -> str:
    name = value.get(KEY, DEFAULT) if isinstance(value, Mapping) else getattr(value, KEY, DEFAULT)
    return f"{_TAG}{name}"


if TYPE_CHECKING:  # what a union of the table's rows is to mypy
    AnyExport = ExportSettings
else:
    _TAGGED = tuple(Annotated[kind, Tag(f"{_TAG}{name}")] for name, kind in FORMATS.items())
    AnyExport = Annotated[Union[_TAGGED], Discriminator(_tag), ExportForm(KEY).validator()]  # noqa: UP007
    """`export:` as it may be written; the format alone is enough."""
