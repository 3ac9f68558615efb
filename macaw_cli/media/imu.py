"""Recordings of an inertial measurement unit: six channels at one rate."""

from pathlib import Path

import numpy as np

from macaw_cli.basics.errors import InputError
from macaw_cli.media.decoding import Decoded, Request
from macaw_cli.media.number_tables import NumberTable, read_table
from macaw_cli.media.series import MOST_MISSING, require_fp16, require_shape, warning_of, without_gaps
from macaw_cli.modalities.table import TABLE

RATE_HZ = 100.0
"""Rate of the features. OneLLM (arXiv 2312.03700, section 3.2) takes 2000 steps of Ego4D at 200 Hz."""
_TIMES = ("time", "timestamp", "t", "seconds", "time_s")


def decode_imu(request: Request) -> Decoded:
    """The decoder of IMU recordings: (T, 6) fp32, three of acceleration and three of angular velocity.

    A column `time` in seconds says when the samples were taken; they are interpolated at 100 Hz then. Without one they
    are taken to have that rate.

    Known of it: `steps`; `duration`, seconds; `columns`; `filled`, missing values of the file that were interpolated;
    `warning`, where there is only one step.

    Raises:
        InputError: it has other columns, times that do not rise, too many steps or gaps, or numbers beyond fp16.
    """
    path, modality = Path(request["path"]), request["modality"]
    longest, channels = request.get("shape") or TABLE[modality].feature_shape or (0, 0)
    table, missing = _at_one_rate(path, read_table(path), longest)
    require_shape(path, table, longest, channels, modality)
    values, left = without_gaps(path, table)
    filled = missing + left
    require_fp16(path, values, table.names)
    known = {"steps": len(values), "duration": round(len(values) / RATE_HZ, 3), "columns": list(table.names)}
    told = {"filled": filled, "warning": warning_of(values)}
    return known | {name: value for name, value in told.items() if value}, {modality: values.astype(np.float32)}


def _at_one_rate(path: Path, table: NumberTable, longest: int) -> tuple[NumberTable, int]:
    """The columns at 100 Hz, and how many of their values were missing; as they are where no column holds times."""
    place = next((number for number, name in enumerate(table.names) if name.lower() in _TIMES), None)
    if place is None:
        return table, 0
    times = table.values[:, place]
    with np.errstate(over="ignore"):  # times near the ends of fp64 are too far apart
        rises = np.isfinite(times).all() and (np.diff(times) > 0).all()
        lasts = (times[-1] - times[0]) * RATE_HZ + 1e-6
    if not rises:
        raise InputError(f"{path} has times in the column {table.names[place]} that do not rise from row to row.")
    if not lasts < longest:
        raise InputError(f"{path} lasts {lasts / RATE_HZ:.1f} s; at most {longest / RATE_HZ:.1f} s are taken.")
    steps = int(lasts) + 1
    even = times[0] + np.arange(steps) / RATE_HZ
    others = [number for number in range(len(table.names)) if number != place]
    missing = {number: int(np.isnan(table.values[:, number]).sum()) for number in others}
    for number, count in missing.items():
        if count > MOST_MISSING * len(times):
            raise InputError(f"{path} lacks {count} of {len(times)} values in the column {table.names[number]}.")
    columns = [_interpolated(even, times, table.values[:, number]) for number in others]
    values = np.stack(columns, axis=1) if columns else np.zeros((0, 0))
    even_table = NumberTable(values, tuple(table.names[number] for number in others), table.left_out)
    return even_table, sum(missing.values())


def _interpolated(even: np.ndarray, times: np.ndarray, column: np.ndarray) -> np.ndarray:
    known = ~np.isnan(column)
    return np.interp(even, times[known], column[known]) if known.any() else np.full(len(even), np.nan)
