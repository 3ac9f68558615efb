"""`generation.json`: marks the folder of a generation as macaw's own, and tells what its last run came to."""

from pathlib import Path
from typing import Any

from macaw_cli.basics.fingerprints import require_version
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import COUNT, NUMBER, TEXT, Fields, mapping_of

REPORT_NAME = "generation.json"
FORMAT_VERSION = 1
_COUNTS = ("requests", "accepted", "prompt_tokens", "completion_tokens")
_KIND = Fields(
    {}, {**dict.fromkeys(_COUNTS, COUNT), "cost": NUMBER, "outcomes": mapping_of(COUNT), "rejected": mapping_of(COUNT)}
)
_GENERATOR = Fields({}, {"model": TEXT, "endpoint": TEXT, "prompts": TEXT, "cost": NUMBER, "kinds": mapping_of(_KIND)})
_LEDGER = Fields({}, {"replies": COUNT, "cost": NUMBER, "unanswered": COUNT, "unanswered_cost_at_most": NUMBER})
_REPORT = Fields({}, {"generator": _GENERATOR, "ledger": _LEDGER, "run": Fields({}, {"stopped": TEXT})})


def read_generation_report(folder: Path) -> dict[str, Any]:
    """The report in a generation's folder.

    Raises:
        MismatchError: a newer macaw wrote it.
        DamagedError: it is not what macaw writes.
        OSError: there is none.
    """
    report: dict[str, Any] = read_object(folder / REPORT_NAME, _REPORT)
    require_version(report.get("format_version"), FORMAT_VERSION, folder / REPORT_NAME)
    return report
