"""All parts as one JSON object, the last thing that `run.sh` prints; also written to `summary.json`."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

from results import OUT

MESSAGE = 300


def summary(out: Path) -> dict[str, object]:
    """`stages` with their exit codes, `tests` where they ran, and every part by name."""
    found: dict[str, object] = {"stages": stages(out)}
    if (out / "tests.xml").exists():
        found["tests"] = tests(out / "tests.xml")
    parts = {file.stem.removeprefix("part-"): json.loads(file.read_text()) for file in sorted(out.glob("part-*.json"))}
    return found | parts


def stages(out: Path) -> list[dict[str, object]]:
    """As `run.sh` wrote them down."""
    file = out / "stages.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def tests(report: Path) -> dict[str, object]:
    """Counts, and the names of what failed."""
    cases = list(ET.parse(report).iter("testcase"))
    failed = {}
    for case in cases:
        reason = next((case.find(kind) for kind in ("failure", "error") if case.find(kind) is not None), None)
        if reason is not None:
            failed[f"{case.get('classname')}::{case.get('name')}"] = (reason.get("message") or "")[:MESSAGE]
    skipped = sum(case.find("skipped") is not None for case in cases)
    return {"passed": len(cases) - skipped - len(failed), "skipped": skipped, "failed": failed}


def main() -> None:
    """Write and print it."""
    found = summary(OUT)
    (OUT / "summary.json").write_text(json.dumps(found, indent=1))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
