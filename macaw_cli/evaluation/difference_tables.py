"""The comparison of two models for people: one table per measure, and one sentence on all questions."""

from collections.abc import Mapping
from typing import Any

COLUMNS = ["", "n", "A", "B", "B - A", "95 %"]


def difference_tables(compared: Mapping[str, Any]) -> dict[str, list[list[str]]]:
    """Measure to the rows of its table, a line per modality and kind, all questions last; `COLUMNS`.

    Args:
        compared: the JSON of `macaw evaluate A B --json`.
    """
    lines: list[tuple[str, Mapping[str, Any]]] = []
    for modality, seen in compared["modalities"].items():
        lines.append((modality, seen))
        below = [(kind, own) for kind, own in compared["kinds"].items() if own["modality"] == modality]
        lines += [(f"  {kind}", own) for kind, own in below] if [kind for kind, _ in below] != [modality] else []
    lines.append(("all with media", compared["overall"]))
    found: dict[str, list[list[str]]] = {}
    for name, seen in lines:
        for measure in _measures(seen):
            found.setdefault(measure, []).append([name, *_cells(seen[measure])])
    return found


def difference_lines(compared: Mapping[str, Any]) -> list[str]:
    """Which model is which, and one sentence per measure over all questions."""
    first, second = compared["models"]
    lines = [f"A is {first}, B is {second}."]
    for measure in _measures(compared["overall"]):
        seen = compared["overall"][measure]
        value, (low, high) = seen["difference"], seen["ci95"]
        measured = f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"
        if low <= 0 <= high:
            lines.append(f"{measure}: no difference is certain: {measured}.")
        else:
            lines.append(f"{measure}: {'B' if value > 0 else 'A'} is better: B - A is {measured}.")
    return lines


def _measures(seen: Mapping[str, Any]) -> list[str]:
    return [name for name, value in seen.items() if isinstance(value, Mapping)]


def _cells(seen: Mapping[str, Any]) -> list[str]:
    low, high = seen["ci95"]
    return [
        str(seen["n"]), f"{seen['first']:.2f}", f"{seen['second']:.2f}", f"{seen['difference']:+.2f}",
        f"{low:+.2f} {high:+.2f}",
    ]  # fmt: skip
