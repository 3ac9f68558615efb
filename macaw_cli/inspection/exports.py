"""What `macaw inspect` tells of an export for loaders of others, from `export_report.json` beside it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.fingerprints import require_version, sha256_file
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import ANYTHING, HASH, NUMBER, TEXT, Fields, mapping_of
from macaw_cli.inspection.description import Description
from macaw_cli.inspection.findings import Finding

REPORTS = ("export_report.json", "macaw_export.json")
"""Written by `macaw export`: how the export was proved, and the hash of every file; the second is an earlier name."""
REPORT_VERSION = 2
_PROOF = Fields({"largest_difference": NUMBER, "limit": NUMBER})
_REPORT = Fields(
    {"files": mapping_of(HASH)},
    {"macaw": TEXT, "format": TEXT, "loader": TEXT, "proof": _PROOF, "format_version": NUMBER,
     "template": ANYTHING, "around_media": ANYTHING},
)  # fmt: skip

_SHOWN = ("format", "loader", "macaw", "proof")


def describe_export(folder: Path) -> Description:
    """Tell what the report says.

    Raises:
        MismatchError: a newer macaw wrote it.
        DamagedError: it is not what macaw writes.
    """
    report = export_report(folder) or {}
    nbytes = sum(file.stat().st_size for name in report["files"] if (file := folder / name).is_file())
    facts: dict[str, Any] = {name: report[name] for name in report if name in _SHOWN}
    lines = {
        "format": report.get("format", ""),
        "loaded by": report.get("loader", ""),
        "files": f"{len(report['files'])}, {human_bytes(nbytes)}",
        "proof": proof_line(report["proof"]) if "proof" in report else "none",
    }
    facts |= {"files": len(report["files"]), "bytes": nbytes}
    return Description("export", str(folder), facts, lines)


def verify_export(folder: Path) -> Iterator[Finding]:
    """Reread every file of an export against its recorded hash."""
    for name, recorded in (export_report(folder) or {"files": {}})["files"].items():
        yield Finding(name, _problem(folder / name, recorded))


def export_report(folder: Path) -> dict[str, Any] | None:
    """The report of an export; None where the folder is none.

    Raises:
        MismatchError: a newer macaw wrote it.
        DamagedError: it is not what macaw writes.
    """
    file = next((folder / name for name in REPORTS if (folder / name).is_file()), None)
    if file is None:
        return None
    report: dict[str, Any] = read_object(file, _REPORT)
    require_version(report.get("format_version", 1), REPORT_VERSION, file)
    return report


def proof_line(proof: dict[str, Any]) -> str:
    """The difference, and the greedy tokens where they were compared."""
    told = f"largest logit difference {proof['largest_difference']:.1e} (limit {proof['limit']:.1e})"
    if proof.get("greedy_tokens"):
        told += f", {proof['greedy_same']} of {proof['greedy_tokens']} greedy tokens equal"
    return told


def _problem(file: Path, recorded: str) -> str:
    if not file.is_file():
        return "it is missing"
    return "" if sha256_file(file) == recorded else "its content has changed since it was exported"
