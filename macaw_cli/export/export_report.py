"""`export_report.json`: how an export was made and proved, the hash of every file, and what an import needs again."""

from pathlib import Path
from typing import Any, NamedTuple, cast

from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import ANYTHING, COUNT, TEXT, Fields, list_of, mapping_of
from macaw_cli.model.text.templates import TemplateName

REPORT_NAME = "export_report.json"
REPORT_VERSION = 2
"""In 1, the file was called `macaw_export.json`, and the proof had one example."""
TEMPLATE, AROUND = "template", "around_media"
_TEXT = Fields({"name": TEXT, "max_length": COUNT})
_KNOWN = Fields(
    {}, {TEMPLATE: _TEXT, AROUND: mapping_of(list_of(list_of(COUNT))),
         **dict.fromkeys(("format_version", "macaw", "format", "loader", "proof", "files"), ANYTHING)},
)  # fmt: skip


class ExportedText(NamedTuple):
    """How a model that was exported writes conversations."""

    template: TemplateName
    max_length: int
    around: dict[str, list[list[int]]]
    """Modality to the ids before and after a medium."""


def text_report(encoder: Any) -> dict[str, Any]:
    """What stands in every report about the text, from the model's `ConversationEncoder`."""
    return {TEMPLATE: {"name": encoder.template, "max_length": encoder.max_length}}


def exported_text(folder: Path) -> ExportedText | None:
    """What the report in an exported folder says about text; None where there is no report, or it says nothing.

    Raises:
        DamagedError: something else than macaw writes there.
    """
    if not (folder / REPORT_NAME).is_file():
        return None
    found = read_object(folder / REPORT_NAME, _KNOWN)
    if TEMPLATE not in found or AROUND not in found:
        return None
    name = cast("TemplateName", found[TEMPLATE]["name"])
    return ExportedText(name, found[TEMPLATE]["max_length"], found[AROUND])
