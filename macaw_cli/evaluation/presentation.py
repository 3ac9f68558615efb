"""The evaluation figures for people: a table for the terminal and a picture of it."""

from pathlib import Path
from typing import Any

COLUMNS = ["", "n", "real", "none", "swapped", "chance", "reliance", "95 %"]
LOOKS = {"real": ("real media", "#1b9e77"), "none": ("no media", "#bdbdbd"), "swapped": ("swapped media", "#d95f02")}
"""Condition to its legend and colour."""


def table_rows(figures: dict[str, Any]) -> list[list[str]]:
    """One row per modality and kind, unseen combinations and text at the end, all questions with media last."""
    return [[name, *_cells(measured)] for name, measured in _lines(figures)]


def write_picture(figures: dict[str, Any], path: Path) -> None:
    """Draw accuracy with real, without and with swapped media per line of the table, chance as a mark; PNG.

    Args:
        figures: the JSON of `macaw evaluate --json`.
        path: PNG to write.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    lines = [(name, measured) for name, measured in _lines(figures) if measured["swapped"] is not None]
    with mpl.rc_context({"font.size": 9}):
        figure, axes = pyplot.subplots(figsize=(8, 0.36 * len(lines) + 1.0), layout="constrained")
        for offset, (condition, (label, colour)) in zip((0.27, 0.0, -0.27), LOOKS.items(), strict=True):
            heights = [measured[condition] or 0.0 for _, measured in lines]
            axes.barh([y + offset for y in _heights(lines)], heights, height=0.25, color=colour, label=label)
        for y, (_, measured) in zip(_heights(lines), lines, strict=True):
            axes.plot([measured["chance"]] * 2, [y - 0.42, y + 0.42], color="black", linewidth=1.2)
        axes.plot([], [], color="black", linewidth=1.2, label="chance")
        axes.set_yticks(_heights(lines), [name.strip() for name, _ in lines])
        axes.set_xlim(0, 1)
        axes.set_xlabel("held-out accuracy")
        axes.spines[["top", "right"]].set_visible(False)
        figure.legend(loc="outside upper center", ncols=4, frameon=False)
        figure.savefig(path, dpi=130)
        pyplot.close(figure)


def _heights(lines: list[tuple[str, dict[str, Any]]]) -> list[float]:
    return [float(len(lines) - number) for number in range(len(lines))]


def _lines(figures: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    lines: list[tuple[str, dict[str, Any]]] = []
    for modality, measured in figures["modalities"].items():
        lines.append((modality, measured))
        lines += [
            (f"  {kind}", below)
            for kind, below in figures["kinds"].items()
            if kind.split("/")[0] == modality and kind != modality
        ]
    for modality, measured in figures.get("unseen", {}).items():
        if modality != "overall":
            lines.append((f"{modality}, unseen combinations", measured))
    if "text" in figures:
        lines.append(("text only", figures["text"]))
    if "overall" in figures:
        lines.append(("all with media", figures["overall"]))
    return lines


def _cells(measured: dict[str, Any]) -> list[str]:
    interval = f"{measured['ci95'][0]:+.2f} {measured['ci95'][1]:+.2f}" if measured["ci95"] else "-"
    values = [_number(measured[name]) for name in ("real", "none", "swapped", "chance", "reliance")]
    return [str(measured["n"]), *values, interval]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
