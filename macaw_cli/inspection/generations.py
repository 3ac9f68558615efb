"""What is in the folder of a generation: model, cost, examples of each kind, and why replies were rejected."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics.counts import counted
from macaw_cli.inspection.dataset_tables import generated_table, generator_line
from macaw_cli.inspection.description import Description
from macaw_cli.inspection.findings import Finding
from macaw_cli.reports.tables import Table
from macaw_cli.shards.generation_report import read_generation_report


def describe_generation(folder: Path) -> Description:
    """Tell what `generation.json` says.

    Raises:
        MismatchError: a newer macaw wrote it.
        DamagedError: it is not what macaw writes.
    """
    report = read_generation_report(folder)
    generator, ledger = report.get("generator") or {}, report.get("ledger") or {}
    lines = {"examples": generator_line(generator)} if generator else {"examples": "none yet: no run has ended"}
    if ledger:
        replies, cost = ledger.get("replies", 0), ledger.get("cost", 0.0)
        lines["ledger"] = f"{counted(replies, 'reply', 'replies')}, ${cost:.4f} in all runs"
    if ledger.get("unanswered"):
        most = ledger.get("unanswered_cost_at_most", 0.0)
        lines["unanswered"] = f"{counted(ledger['unanswered'], 'request')}, which may have cost up to ${most:.4f}"
    if stopped := (report.get("run") or {}).get("stopped"):
        lines["stopped"] = stopped
    kinds = generator.get("kinds") or {}
    return Description(
        "generation", str(folder), report, lines, [generated_table(kinds), _reasons(kinds)], "macaw build-dataset"
    )


def nothing_to_verify(folder: Path) -> Iterator[Finding]:
    """The ledger's own checks are SQLite's; no file here has a recorded hash."""
    del folder
    yield from ()


def _reasons(kinds: dict[str, dict[str, Any]]) -> Table:
    found: Counter[tuple[str, str]] = Counter()
    for name, one in kinds.items():
        for reason, number in [*(one.get("outcomes") or {}).items(), *(one.get("rejected") or {}).items()]:
            if reason != "ok":
                found[name, reason] += number
    rows = [[name, reason, f"{number:,}"] for (name, reason), number in found.most_common()]
    return Table("Outcomes of replies and reasons for rejects", ["kind", "outcome or reason", "number"], rows)
