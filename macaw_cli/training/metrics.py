"""What a run writes down while it goes: rows of metrics.jsonl, and the same for TensorBoard.

Only rank 0 writes. On a resume the log is cut back to the checkpoint's step, so that in the end it reads like that
of a run that was never interrupted.
"""

import os
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from macaw_cli.basics.atomic_files import jsonl_line, read_jsonl, write_jsonl
from macaw_cli.training.run_folder import RunFolder

PHASES = ("load", "forward", "backward", "optimizer")


@dataclass
class Meter:
    """Sums since the last row; kept in checkpoints, so that the row after a resume is the same."""

    steps: float = 0.0
    loss_sum: float = 0.0
    gradient_norm_sum: float = 0.0
    examples: float = 0.0
    tokens: float = 0.0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))

    def add(self, *, loss: float, gradient_norm: float, examples: int, tokens: int, seconds: dict[str, float]) -> None:
        """Count one optimizer step."""
        self.steps += 1
        self.loss_sum += loss
        self.gradient_norm_sum += gradient_norm
        self.examples += examples
        self.tokens += tokens
        for phase, spent in seconds.items():
            self.seconds[phase] += spent

    def row(self, step: int, learning_rate: float) -> dict[str, Any]:
        """The row of metrics.jsonl: means over its steps; counts and seconds are sums."""
        return {
            "step": step,
            "loss": self.loss_sum / self.steps,
            "learning_rate": learning_rate,
            "gradient_norm": self.gradient_norm_sum / self.steps,
            "examples": int(self.examples),
            "tokens": int(self.tokens),
            "seconds": {phase: round(spent, 4) for phase, spent in self.seconds.items()},
        }

    def sums(self) -> dict[str, Any]:
        """Everything, as JSON."""
        return asdict(self)


class MetricsLog:
    """Appends rows to metrics.jsonl and TensorBoard's event files.

    Args:
        run: the run's folder.
        first_step: steps done before this process began; later rows of an interrupted run are dropped.
    """

    def __init__(self, run: RunFolder, first_step: int = 0) -> None:
        kept = [row for row in read_jsonl(run.metrics_file) if row["step"] <= first_step]
        write_jsonl(run.metrics_file, kept)
        self._rows = run.metrics_file.open("a", encoding="utf-8")
        self._events = _EventFile(str(run.tensorboard), first_step)

    def write(self, row: dict[str, Any]) -> None:
        """Append one row; readers of a running training see it at once."""
        self._rows.write(jsonl_line(row))
        self._rows.flush()
        self._events.write(row["step"], dict(_scalars({key: value for key, value in row.items() if key != "step"})))

    def sync(self) -> None:
        """Make sure that the rows are on the disk before a checkpoint says that they are."""
        os.fsync(self._rows.fileno())

    def close(self) -> None:
        """Flush and close both files."""
        self._rows.close()
        self._events.close()

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


def _scalars(content: dict[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    """Every number in nested dicts, by its path."""
    found: list[tuple[str, float]] = []
    for name, value in content.items():
        if isinstance(value, dict):
            found += _scalars(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append((prefix + name, float(value)))
    return found
