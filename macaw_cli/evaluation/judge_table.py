"""Scores of a judge, as a table for the terminal."""

from collections.abc import Mapping
from typing import Any

JUDGE_COLUMNS = ["", "n", "real", "none", "swapped", "reliance", "95 %"]


def judge_rows(figures: Mapping[str, Any]) -> list[list[str]]:
    """One row per kind, text-only questions at the end, then all questions with media; none without a judge."""
    kinds = {**figures["kinds"], **figures.get("text", {}).get("kinds", {})}
    lines = [*kinds.items(), *([("all with media", figures["overall"])] if "overall" in figures else [])]
    return [[name, *_cells(measured["judge"])] for name, measured in lines if "judge" in measured]


def _cells(judge: Mapping[str, Any]) -> list[str]:
    values = [judge.get(name) for name in ("real", "none", "swapped", "reliance")]
    numbers = ["-" if value is None else f"{value:.2f}" for value in values]
    bounds = judge["ci95"]
    return [f"{judge['n']:,}", *numbers, f"{bounds[0]:+.2f} {bounds[1]:+.2f}" if bounds else "-"]
