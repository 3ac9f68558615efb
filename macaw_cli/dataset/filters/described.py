"""The chosen filters as plain values, for the lock file and for what decides a dataset."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from macaw_cli.config.filters.judge import JudgeSettings
from macaw_cli.config.filters.table import FilterSettings
from macaw_cli.dataset.portable_paths import portable_name


def describe_filters(chosen: Sequence[FilterSettings], generation_model: str) -> list[dict[str, Any]]:
    """Name and options of each filter.

    Args:
        chosen: their settings.
        generation_model: what `judge` asks where it names no model.
    """
    return [_described(one, generation_model) for one in chosen]


def _described(one: FilterSettings, generation_model: str) -> dict[str, Any]:
    options = asdict(one)
    if isinstance(one, JudgeSettings):
        options["model"] = one.model or generation_model
    elif options.get("model"):
        options["model"] = portable_name(options["model"])
    return options
