"""The formats by name, imported on use; their rows are in `config/exports/table.py`."""

from macaw_cli.basics.named_objects import named_object
from macaw_cli.basics.plug_ins import class_of_package
from macaw_cli.config.exports.base import ExportSettings
from macaw_cli.config.exports.table import FORMATS, PACKAGES, TABLE
from macaw_cli.export.formats.format import ExportFormat


def export_format(settings: ExportSettings) -> ExportFormat[ExportSettings]:
    """The format that a section `export:` chooses.

    Raises:
        UsageError: it is of another package, and cannot be loaded.
    """
    name = settings.format
    place = TABLE[name].module
    if name in PACKAGES:
        kind = class_of_package(place, ExportFormat, f"the export format {name}", PACKAGES[name])
    else:
        kind = named_object(place)
    made: ExportFormat[ExportSettings] = kind(settings)
    return made


def every_format() -> dict[str, ExportFormat[ExportSettings]]:
    """All formats by name, with their defaults."""
    return {name: export_format(kind()) for name, kind in FORMATS.items()}
