"""Figures over several orders of the demonstrations, as a table for the terminal."""

from collections.abc import Mapping
from typing import Any

ORDER_COLUMNS = ["", "measure", "each order", "mean", "std", "ensemble"]


def order_rows(figures: Mapping[str, Any]) -> list[list[str]]:
    """One row per modality and measure, all questions with media last; none where there was one order."""
    context = figures.get("in_context", {})
    groups = [*context.get("modalities", {}).items(), ("text only", context.get("text", {})),
              ("all with media", context.get("overall", {}))]  # fmt: skip
    return [
        [name, measure, " ".join(f"{value:.2f}" for value in found["each"]), f"{found['mean']:.3f}",
         f"{found['std']:.3f}", "-" if found["ensemble"] is None else f"{found['ensemble']:.3f}"]
        for name, measures in groups for measure, found in measures.items()
    ]  # fmt: skip
