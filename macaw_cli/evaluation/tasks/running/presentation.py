"""The figures of tasks for people: one table for each."""

from collections.abc import Iterator, Mapping
from typing import Any

from macaw_cli.evaluation.presentation import METRIC_NAMES

NAMES = METRIC_NAMES | {
    "wer_normalised": "WER, normalised", "bleu_1": "BLEU-1", "bleu_2": "BLEU-2", "bleu_3": "BLEU-3",
    "bleu_4": "BLEU-4", "chair_i": "CHAIR-i", "chair_s": "CHAIR-s", "f1": "F1", "esc10": "ESC-10",
}  # fmt: skip
"""Figures that have a name of their own."""
NOT_FIGURES = ("n", "groups")


def task_table(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows: each figure under each condition, then the task's score for each group.

    Args:
        report: the JSON of one task.
    """
    conditions = report["conditions"]
    columns = ["", "n", *conditions, *(["reliance", "95 %"] if "reliance" in report else [])]
    return columns, [*_figure_rows(report), *_group_rows(report), *_compared_rows(report, len(columns))]


def task_lines(name: str, report: Mapping[str, Any]) -> list[str]:
    """What the table does not show, and why.

    Args:
        name: of the task.
        report: the JSON of one task.
    """
    if "swapped" not in report.get("not_asked", ()):
        return []
    return [
        f"No question of {name} was asked with swapped media, so its reliance is not known: no other question of the "
        "same kind and choices has another answer and other media."
    ]


def _figure_rows(report: Mapping[str, Any]) -> Iterator[list[str]]:
    conditions = report["conditions"]
    for name in conditions["real"]:
        if name not in NOT_FIGURES:
            values = [_number(seen.get(name)) for seen in conditions.values()]
            yield [_words(name), str(conditions["real"]["n"]), *values, *_reliance_cells(report, name)]


def _group_rows(report: Mapping[str, Any]) -> Iterator[list[str]]:
    conditions, score = report["conditions"], report["score"]
    for label, groups in conditions["real"]["groups"].items():
        for group, figures in groups.items():
            seen = [one["groups"].get(label, {}).get(group, {}) for one in conditions.values()]
            values = [_number(one.get(score)) for one in seen]
            empty = ["-"] * len(_reliance_cells(report, ""))
            yield [f"  {_words(label)}: {group}", str(figures["n"]), *values, *empty]


def _compared_rows(report: Mapping[str, Any], width: int) -> Iterator[list[str]]:
    for name, value in report.get("compared", {}).items():
        cells = [_words(name), "-", _number(value)]
        yield [*cells, *["-"] * (width - len(cells))]


def _reliance_cells(report: Mapping[str, Any], name: str) -> list[str]:
    if "reliance" not in report:
        return []
    if name != report["score"]:
        return ["-", "-"]
    bounds = f"{report['ci95'][0]:+.3f} {report['ci95'][1]:+.3f}" if report["ci95"] else "-"
    return [_number(report["reliance"]), bounds]


def _words(name: str) -> str:
    return NAMES.get(name, name.replace("_", " "))


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.1f}"
