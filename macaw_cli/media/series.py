"""Series of numbers over time: a table's columns as channels, without gaps, in numbers that fp16 holds."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import InputError
from macaw_cli.media.decoding import Decoded, Request
from macaw_cli.media.number_tables import NumberTable, read_table
from macaw_cli.modalities.table import TABLE

MOST_MISSING = 0.5
"""Share of a channel's values that may be missing."""
ROUNDED = 0.1
"""Rounding to fp16 may change values by so much of their standard deviation."""


def decode_series(request: Request) -> Decoded:
    """The decoder of series: (T, C) fp32, the numbers as they are; missing ones are interpolated.

    Known of it: `steps`; `columns`, their names; `left_out`, columns without numbers; `filled`, values interpolated;
    `warning`, where there is only one step.

    Raises:
        InputError: the file cannot be read, has another number of columns or too many steps, lacks too many values, or
            holds numbers that fp16 cannot.
    """
    path, modality = Path(request["path"]), request["modality"]
    longest, channels = request.get("shape") or TABLE[modality].feature_shape or (0, 0)
    table = read_table(path)
    if not request.get("any_shape"):
        require_shape(path, table, longest, channels, modality)
    values, filled = without_gaps(path, table)
    require_fp16(path, values, table.names)
    known = {"steps": len(values), "columns": list(table.names)}
    told = {"left_out": list(table.left_out), "filled": filled, "warning": warning_of(values)}
    return known | {name: value for name, value in told.items() if value}, {modality: values.astype(np.float32)}


def warning_of(values: NDArray[np.float64]) -> str:
    """What is wrong with numbers over time that can be used; empty where nothing is."""
    return "it has a single step, in which nothing can change over time" if len(values) == 1 else ""


def require_shape(path: Path, table: NumberTable, longest: int, channels: int, modality: str) -> None:
    """Refuse a table of another number of columns, or with too many steps.

    Raises:
        InputError: with the setting to change, where there is one.
    """
    steps, found = table.values.shape
    sized = TABLE[modality].sized
    if found != channels:
        instead = f", as features.{modality}.channels says" if sized else ""
        names = ", ".join(table.names[:8])
        raise InputError(f"{path} has {counted(found, 'column')} of numbers ({names}), expected {channels}{instead}.")
    if steps > longest:
        instead = f", as features.{modality}.longest says" if sized else ""
        most = f"at most {longest} are taken{instead}"
        raise InputError(f"{path} has {counted(steps, 'step')}; {most}. Split it into windows.")


def without_gaps(path: Path, table: NumberTable) -> tuple[NDArray[np.float64], int]:
    """The values with missing ones interpolated between their neighbours in time, and how many there were.

    Raises:
        InputError: a channel is infinite somewhere, or lacks too many values.
    """
    values = table.values.copy()
    steps = np.arange(len(values))
    missing = np.isnan(values)
    for channel, name in enumerate(table.names):
        gaps, column = missing[:, channel], values[:, channel]
        if np.isinf(column).any():
            raise InputError(f"{path} holds an infinite number in the column {name}.")
        if gaps.mean() > MOST_MISSING:
            raise InputError(f"{path} lacks {gaps.sum()} of {len(values)} values in the column {name}.")
        column[gaps] = np.interp(steps[gaps], steps[~gaps], column[~gaps])
    return values, int(missing.sum())


def require_fp16(path: Path, values: NDArray[np.float64], names: tuple[str, ...]) -> None:
    """Refuse channels whose changes would be lost in fp16, in which features are stored.

    Raises:
        InputError: with what to do.
    """
    hint = "Subtract a constant from the column, or divide it, before extracting features"
    for channel, name in enumerate(names):
        column = values[:, channel]
        with np.errstate(over="ignore"):
            stored = column.astype(np.float16).astype(np.float64)
        if not np.isfinite(stored).all():
            raise InputError(f"{path} has numbers beyond 65504, the range of fp16, in the column {name}. {hint}.")
        spread = column.std()
        if spread and np.abs(stored - column).max() > ROUNDED * spread + 2.0**-24:
            middle = f"{column.mean():.6g} ± {spread:.3g}"
            raise InputError(f"{path} has numbers in the column {name} ({middle}) that fp16 would round away. {hint}.")
