"""What a run writes down while it goes: rows of metrics.jsonl, and the same for TensorBoard and for trackers.

Only rank 0 writes. On a resume the log is cut back to the checkpoint's step, so that in the end it reads like that
of a run that was never interrupted.
"""

import io
import os
import time
from collections.abc import Sequence
from typing import Any, Self

from macaw_cli.basics.atomic_files import jsonl_line, write_jsonl
from macaw_cli.basics.working_files import make_folder, open_own
from macaw_cli.config.run_files import metrics_rows
from macaw_cli.reports.run_record import numbers, read_run, setting_leaves
from macaw_cli.training.reporting.trackers import TrackerThread, open_trackers
from macaw_cli.training.run_folder import RunFolder


class MetricsLog:
    """Appends rows to metrics.jsonl and TensorBoard's event files, and sends them to trackers.

    Args:
        run: the run's folder.
        first_step: steps done before this process began; later rows of an interrupted run are dropped.
        trackers: services that get the same figures.
    """

    def __init__(self, run: RunFolder, first_step: int = 0, trackers: Sequence[str] = ()) -> None:
        kept = [row for row in metrics_rows(run.metrics_file) if row["step"] <= first_step]
        write_jsonl(run.metrics_file, kept)
        self.earlier = kept
        """Rows from before this process began."""
        self._rows = io.TextIOWrapper(open_own(run.metrics_file, "ab"), encoding="utf-8")
        make_folder(run.tensorboard)
        self._events = _EventFile(str(run.tensorboard), first_step)
        self._trackers: list[TrackerThread] = []
        if trackers:
            settings = dict(setting_leaves(read_run(run.path).settings))
            earlier = [(row["step"], row_scalars(row)) for row in kept]
            self._trackers = open_trackers(trackers, run.path, settings, earlier)

    def write(self, row: dict[str, Any]) -> None:
        """Append one row; readers of a running training see it at once."""
        self._rows.write(jsonl_line(row))
        self._rows.flush()
        scalars = row_scalars(row)
        self._events.write(row["step"], scalars)
        for tracker in self._trackers:
            tracker.write(row["step"], scalars)

    def sync(self) -> None:
        """Make sure that the rows are on the disk before a checkpoint says that they are."""
        os.fsync(self._rows.fileno())

    def close(self) -> None:
        """Flush and close both files, and let the trackers finish."""
        self._rows.close()
        self._events.close()
        for tracker in self._trackers:
            tracker.close()

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close both files."""
        self.close()


class _EventFile:
    """TensorBoard's own writer: the wrapper in torch.utils takes a second more to import."""

    def __init__(self, folder: str, first_step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event = Event
        self._writer = EventFileWriter(folder)
        if first_step:  # tells TensorBoard to forget what an interrupted run logged beyond this step
            start = SessionLog(status=SessionLog.START)
            self._writer.add_event(Event(wall_time=time.time(), step=first_step + 1, session_log=start))

    def write(self, step: int, scalars: dict[str, float]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        self._writer.add_event(self._event(wall_time=time.time(), step=step, summary=Summary(value=values)))

    def close(self) -> None:
        self._writer.close()


def row_scalars(row: dict[str, Any]) -> dict[str, float]:
    """Every number of a row but its step, by its path such as `seconds/load`."""
    return dict(numbers({key: value for key, value in row.items() if key != "step"}, "/"))
